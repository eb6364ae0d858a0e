-- CreateEnum
CREATE TYPE "overlap_policy" AS ENUM ('queue', 'queue_latest', 'cancel_running', 'reject');

-- AlterTable
ALTER TABLE "production_apps" ADD COLUMN "overlap" "overlap_policy" NOT NULL DEFAULT 'queue';

-- AlterTable
ALTER TABLE "deployments" ADD COLUMN "superseded_by_id" TEXT;

-- AddForeignKey
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_superseded_by_id_fkey" FOREIGN KEY ("superseded_by_id") REFERENCES "deployments"("id") ON DELETE SET NULL ON UPDATE CASCADE;
