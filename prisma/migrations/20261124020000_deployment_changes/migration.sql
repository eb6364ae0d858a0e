-- AlterTable
ALTER TABLE "deployments" ADD COLUMN "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP;

-- CreateIndex
CREATE INDEX "deployments_changed_at_idx" ON "deployments"("changed_at");

-- Whoever raises the state version need not think of it. Appended log lines do not fire it.
CREATE FUNCTION "note_deployment_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."changed_at" := clock_timestamp();
  RETURN NEW;
END
$$;

CREATE TRIGGER "deployments_changed_at" BEFORE INSERT OR UPDATE OF "state_version" ON "deployments"
  FOR EACH ROW EXECUTE FUNCTION "note_deployment_change"();
