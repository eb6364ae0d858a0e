-- What has changed is told by the events, each of which is written once. A moment in the deployment's own row was in an
-- index: each change of state wrote into all ten indexes of the table.
DROP TRIGGER "deployments_changed_at" ON "deployments";
DROP FUNCTION "note_deployment_change"();

-- DropIndex
DROP INDEX "deployments_changed_at_idx";

-- AlterTable
ALTER TABLE "deployments" DROP COLUMN "changed_at";

-- CreateIndex
CREATE INDEX "deployment_events_at_idx" ON "deployment_events"("at");

-- Room for the next version of a row on its own page: then no index is written at all.
ALTER TABLE "deployments" SET (fillfactor = 60);
ALTER TABLE "deployment_phases" SET (fillfactor = 60);
