-- What watches a database under chaos: paid calls by their tokens, and every move that may never be made.
CREATE TABLE IF NOT EXISTS chaos_bills (token text PRIMARY KEY, calls integer NOT NULL);
CREATE TABLE IF NOT EXISTS chaos_offences (offence text NOT NULL, file_id uuid NOT NULL, what text NOT NULL);
GRANT SELECT, INSERT, UPDATE ON chaos_bills, chaos_offences TO fairway_worker, fairway_api;

CREATE OR REPLACE FUNCTION chaos_watch_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'running' AND NEW.state = 'running' AND OLD.lease_id <> NEW.lease_id THEN
        INSERT INTO chaos_offences VALUES ('a second lease on a part', NEW.file_id, NEW.step);
    ELSIF NEW.state <> OLD.state AND NOT (OLD.state = 'cancelled' AND OLD.stopped_from IS NOT NULL) THEN -- by an undo
        INSERT INTO chaos_offences VALUES ('a step left its end', NEW.file_id, NEW.step || ': ' || OLD.state || ' to ' || NEW.state);
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_watch AFTER UPDATE ON steps FOR EACH ROW
    WHEN (OLD.state IN ('done', 'skipped', 'failed', 'cancelled') OR OLD.state = 'running' AND NEW.state = 'running')
    EXECUTE FUNCTION chaos_watch_steps();

CREATE OR REPLACE FUNCTION chaos_watch_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_offences VALUES ('a file left its end', NEW.file_id, OLD.state || ' to ' || NEW.state);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_watch AFTER UPDATE ON files FOR EACH ROW
    WHEN (OLD.state IN ('done', 'partial', 'failed', 'cancelled') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION chaos_watch_files();
