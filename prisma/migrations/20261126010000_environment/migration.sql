-- AlterTable
ALTER TABLE "production_apps" ADD COLUMN "build_network" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "releases" ADD COLUMN "sealed_environment" BYTEA;

-- CreateTable
CREATE TABLE "environment_variables" (
    "production_app_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "is_secret" BOOLEAN NOT NULL,
    "phases" "phase_name"[],
    "sealed_value" BYTEA NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by_id" TEXT,

    CONSTRAINT "environment_variables_pkey" PRIMARY KEY ("production_app_id","name")
);

-- AddForeignKey
ALTER TABLE "environment_variables" ADD CONSTRAINT "environment_variables_production_app_id_fkey" FOREIGN KEY ("production_app_id") REFERENCES "production_apps"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "environment_variables" ADD CONSTRAINT "environment_variables_updated_by_id_fkey" FOREIGN KEY ("updated_by_id") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;
