-- What upkeep's audits found, and how far the one that walks through the bucket has come. Of the whole system:
-- only workers see it; the API reads it by a function.

CREATE TABLE audits (
    audit_id   uuid PRIMARY KEY DEFAULT uuidv7(),
    kind       text NOT NULL CHECK (kind IN ('rows', 'objects')),
    ended_at   timestamptz NOT NULL DEFAULT now(),
    checked    bigint NOT NULL,
    findings   jsonb NOT NULL
);
CREATE INDEX audits_of_kind ON audits (kind, ended_at DESC);
CREATE TABLE audit_walks (
    walk       text PRIMARY KEY,
    reached    text NOT NULL DEFAULT '',
    checked    bigint NOT NULL DEFAULT 0,
    findings   jsonb NOT NULL DEFAULT '{}',
    rested_at  timestamptz
);
INSERT INTO audit_walks (walk) VALUES ('objects'), ('artifacts');
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['audits', 'audit_walks'] LOOP
        EXECUTE format('REVOKE ALL ON %I FROM fairway_api', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
