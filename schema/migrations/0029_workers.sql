-- Workers register what they run, and the duties of the whole fleet are done in turn.

CREATE TABLE workers (
    worker      text PRIMARY KEY,
    host        text NOT NULL,
    version     text NOT NULL,
    slots       jsonb NOT NULL,                   -- by step, how many parts it runs at once
    draining    boolean NOT NULL DEFAULT false,   -- it ends what it runs and takes nothing more
    started_at  timestamptz NOT NULL DEFAULT now(),
    beat_at     timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- One row: the live workers when they were last counted.
CREATE TABLE fleets (
    only_one    boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    counted_at  timestamptz NOT NULL DEFAULT '-infinity',
    workers     integer NOT NULL DEFAULT 0,
    slots       jsonb NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
INSERT INTO fleets DEFAULT VALUES;

-- When a worker last began a duty that one of them does for all.
CREATE TABLE duties (
    duty      text PRIMARY KEY,
    taken_at  timestamptz NOT NULL
) WITH (fillfactor = 50);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['workers', 'fleets', 'duties'] LOOP
        EXECUTE format('REVOKE ALL ON %I FROM fairway_api', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
