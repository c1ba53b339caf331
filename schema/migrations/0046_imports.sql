-- Imports: objects that are in a bucket already become files of a batch.

-- Where a tenant may import from: "bucket/prefix", set by an admin.
ALTER TABLE tenants ADD COLUMN import_sources text[] NOT NULL DEFAULT '{}';
-- The key of the object that an imported file was copied from.
ALTER TABLE files ADD COLUMN source_key text;
CREATE UNIQUE INDEX files_of_import ON files (batch_id, source_key) WHERE source_key IS NOT NULL;
CREATE INDEX files_of_import_by_content ON files (dataset_id, declared_sha256) WHERE source_key IS NOT NULL;
