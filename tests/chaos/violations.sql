-- Tables and triggers of the chaos tests: calls of the paid service by token, and every forbidden change of a state.
CREATE TABLE IF NOT EXISTS chaos_paid_jobs (token text PRIMARY KEY, calls integer NOT NULL);
CREATE TABLE IF NOT EXISTS chaos_violations (violation text NOT NULL, file_id uuid NOT NULL, detail text NOT NULL);
GRANT SELECT, INSERT, UPDATE ON chaos_paid_jobs, chaos_violations TO fairway_worker, fairway_api;

CREATE OR REPLACE FUNCTION chaos_violation_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'running' AND NEW.state = 'running' AND OLD.lease_id <> NEW.lease_id THEN
        INSERT INTO chaos_violations VALUES ('a part was leased twice', NEW.file_id, NEW.step);
    ELSIF NEW.state <> OLD.state AND NOT (OLD.state = 'cancelled' AND OLD.stopped_from IS NOT NULL) THEN -- undoing a removal may leave `cancelled`
        INSERT INTO chaos_violations VALUES ('a step left its final state', NEW.file_id, NEW.step || ': ' || OLD.state || ' to ' || NEW.state);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_violation AFTER UPDATE ON steps FOR EACH ROW
    WHEN (OLD.state IN ('done', 'skipped', 'failed', 'cancelled') OR OLD.state = 'running' AND NEW.state = 'running')
    EXECUTE FUNCTION chaos_violation_steps();

CREATE OR REPLACE FUNCTION chaos_violation_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_violations VALUES ('a file left its final state', NEW.file_id, OLD.state || ' to ' || NEW.state);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_violation AFTER UPDATE ON files FOR EACH ROW
    WHEN (OLD.state IN ('done', 'partial', 'failed', 'cancelled') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION chaos_violation_files();
