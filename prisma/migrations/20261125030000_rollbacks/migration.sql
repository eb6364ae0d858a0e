-- AlterTable
ALTER TABLE "versions" ADD COLUMN "manifest" JSONB;

-- AlterTable
ALTER TABLE "deployments" ADD COLUMN "is_irreversible" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "releases" ADD COLUMN "switched_at" TIMESTAMPTZ(3),
ADD COLUMN "unhealthy_at" TIMESTAMPTZ(3),
ADD COLUMN "rollback_decided_at" TIMESTAMPTZ(3);

-- What a rollback must not go back behind: few, and asked for with every rollback.
CREATE INDEX "deployments_irreversible_idx" ON "deployments"("production_app_id", "number") WHERE "is_irreversible";

-- What an automatic rollback is yet to be decided for: almost always none, and asked for every second.
CREATE INDEX "releases_unhealthy_idx" ON "releases"("unhealthy_at") WHERE "unhealthy_at" IS NOT NULL AND "rollback_decided_at" IS NULL;
