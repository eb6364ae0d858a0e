-- The last line of defence, whatever the code does: a status changes only as the rules of the domain allow.
CREATE FUNCTION refuse_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'The status of % may not change from % to %.', TG_TABLE_NAME, OLD.status, NEW.status
    USING ERRCODE = 'check_violation';
END
$$;

CREATE TRIGGER "deployments_status_rules" BEFORE UPDATE OF "status" ON "deployments" FOR EACH ROW
WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
  ('pending', 'in_progress'), ('pending', 'failed'), ('pending', 'cancelled'),
  ('in_progress', 'completed'), ('in_progress', 'failed'), ('in_progress', 'cancelled')
))
EXECUTE FUNCTION refuse_status_change();

CREATE TRIGGER "deployment_phases_status_rules" BEFORE UPDATE OF "status" ON "deployment_phases" FOR EACH ROW
WHEN (OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
  ('pending', 'in_progress'), ('in_progress', 'completed'), ('in_progress', 'failed')
))
EXECUTE FUNCTION refuse_status_change();
