-- Plans: what it would change to process a dataset's files again, and the former records of those that were.

CREATE TABLE plans (
    plan_id         uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id       uuid NOT NULL REFERENCES tenants,
    dataset_id      uuid NOT NULL REFERENCES datasets,
    state           text NOT NULL DEFAULT 'planning' CHECK (state IN (
        'planning',      -- the dry run goes on
        'planned',
        'applying',      -- files are being processed again
        'applied',
        'rolling_back',  -- former records are being restored
        'rolled_back')),
    from_step       text NOT NULL,
    schema          json,              -- a new schema; NULL: the dataset's own
    chosen          jsonb NOT NULL,    -- which files: {"state"?, "batch_id"?, "older_schema"?}
    sample          integer,           -- how many files the dry run reads; NULL: all
    former_version  integer,           -- of the schema, before it was applied
    schema_version  integer,           -- of the applied schema
    found           jsonb NOT NULL DEFAULT '{}', -- what the dry run found
    outcome         jsonb NOT NULL DEFAULT '{}', -- what has changed so far
    shards          integer NOT NULL DEFAULT 1 CHECK (shards BETWEEN 1 AND 100),
    shards_done     integer[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX plans_of_dataset ON plans (dataset_id, plan_id DESC);

-- One row for each file that was processed again, with its former record and state, for a rollback.
CREATE TABLE plan_files (
    plan_id    uuid NOT NULL REFERENCES plans ON DELETE CASCADE,
    file_id    uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    tenant_id  uuid NOT NULL,
    shard      integer NOT NULL,
    state      text NOT NULL CHECK (state IN ('applying', 'applied', 'rolled_back')),
    former     jsonb NOT NULL,     -- {"record": {...} or null, "file": {"state", ...}}
    PRIMARY KEY (plan_id, file_id)
) WITH (fillfactor = 80);
CREATE INDEX plan_files_applying ON plan_files (plan_id, shard) WHERE state = 'applying';
CREATE INDEX plan_files_of_file ON plan_files (file_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['plans', 'plan_files'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY of_tenant ON %I TO fairway_api USING (tenant_id = (SELECT current_tenant()))'
                       ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END $$;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON plan_files FROM fairway_api;
REVOKE DELETE, TRUNCATE ON plans FROM fairway_api;
