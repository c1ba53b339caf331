-- Manifests: descriptions of up to 100,000 files, sent in one request and taken in portions; uploads are signed as they begin.

CREATE TABLE manifests (
    manifest_id     uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id       uuid NOT NULL REFERENCES tenants,
    dataset_id      uuid NOT NULL REFERENCES datasets,
    batch_id        uuid NOT NULL UNIQUE REFERENCES batches,
    line_count      integer NOT NULL,
    taken_count     integer NOT NULL DEFAULT 0,   -- the first lines, of which files were made or found
    file_count      integer NOT NULL DEFAULT 0,   -- the files that were made of them
    duplicate_count integer NOT NULL DEFAULT 0,   -- the lines whose content the dataset has already
    signed_line     integer NOT NULL DEFAULT -1,  -- the last line for which an upload was signed: later ones can't have arrived
    upload_until    timestamptz NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (taken_count BETWEEN 0 AND line_count),
    CHECK (file_count + duplicate_count = taken_count)
) WITH (fillfactor = 70);
CREATE INDEX manifests_of_dataset ON manifests (dataset_id, manifest_id DESC);

CREATE TABLE manifest_duplicates (
    manifest_id  uuid NOT NULL REFERENCES manifests ON DELETE CASCADE,
    line         integer NOT NULL,
    tenant_id    uuid NOT NULL,
    duplicate_of uuid NOT NULL,   -- a file, which may be erased later
    PRIMARY KEY (manifest_id, line)
);

-- The line of its manifest, from 0, and when the client last changed the file.
ALTER TABLE files ADD COLUMN manifest_line integer;
ALTER TABLE files ADD COLUMN modified_at timestamptz;
CREATE INDEX files_of_manifest ON files (batch_id, manifest_line)
    WHERE manifest_line IS NOT NULL AND state IN ('uploading', 'upload_missing') AND removed_at IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['manifests', 'manifest_duplicates'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY of_tenant ON %I TO fairway_api USING (tenant_id = (SELECT current_tenant()))'
                       ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END $$;
REVOKE DELETE, TRUNCATE ON manifests FROM fairway_api;
REVOKE UPDATE, DELETE, TRUNCATE ON manifest_duplicates FROM fairway_api;
