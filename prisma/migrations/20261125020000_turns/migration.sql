-- AlterTable
ALTER TABLE "deployments" ADD COLUMN "turn" INTEGER NOT NULL DEFAULT 0;

-- How far the work of all organizations is, and whose turn is next.
CREATE INDEX "deployments_turn_idx" ON "deployments"("status", "turn") WHERE "status" IN ('pending', 'in_progress');

-- The last turn that an organization has.
CREATE INDEX "deployments_organization_turn_idx" ON "deployments"("organization_id", "turn") WHERE "status" IN ('pending', 'in_progress');
