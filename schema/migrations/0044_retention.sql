-- Retention: how long a dataset keeps originals, texts and records, what was erased of each file, and receipts.

-- {"originals_days", "text_days", "records_days"}; without a number it is kept.
ALTER TABLE datasets ADD COLUMN retention jsonb NOT NULL DEFAULT '{}';
CREATE INDEX datasets_with_retention ON datasets (dataset_id) WHERE retention <> '{}';
ALTER TABLE files
    ADD COLUMN original_erased_at  timestamptz, -- with its previews and thumbnails
    ADD COLUMN text_erased_at      timestamptz;

-- What one purge erased of a dataset. It outlives the files.
CREATE TABLE purges (
    purge_id      uuid PRIMARY KEY DEFAULT uuidv7(),
    job_id        uuid NOT NULL,
    tenant_id     uuid NOT NULL REFERENCES tenants,
    dataset_id    uuid NOT NULL REFERENCES datasets,
    kind          text NOT NULL CHECK (kind IN ('originals', 'text', 'records')),
    files         bigint NOT NULL DEFAULT 0,
    objects       bigint NOT NULL DEFAULT 0,
    removal_ids   uuid[] NOT NULL DEFAULT '{}', -- of 'records': removals, which have receipts of their own
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_id, dataset_id, kind)
);
CREATE INDEX purges_of_dataset ON purges (dataset_id, purge_id DESC);

-- Of a dataset, all files up to this one were purged: the next purge begins after it.
CREATE TABLE purge_marks (
    dataset_id  uuid NOT NULL REFERENCES datasets,
    kind        text NOT NULL,
    reached     uuid NOT NULL,
    begun_at    timestamptz NOT NULL DEFAULT now(), -- an old mark is dropped: a file before it may have arrived late
    PRIMARY KEY (dataset_id, kind)
) WITH (fillfactor = 50);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['purges', 'purge_marks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
CREATE POLICY of_tenant ON purges TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON purges FROM fairway_api;
REVOKE ALL ON purge_marks FROM fairway_api;
