-- Near-duplicates: what files of a dataset are found by that may be the same document. Nothing is decided here: see
-- layers/domain/similar.py.

-- The perceptual hash of a file's first page, with its thumbnail.
ALTER TABLE artifacts ADD COLUMN page_hash text;

-- p<n>:<digits> is a band of the hash, v:<digest> a date with a number of the record, c:<digest> a code such as an invoice's
-- number. Files with a key in common are compared.
CREATE TABLE similar_keys (
    dataset_id  uuid NOT NULL,
    key         text COLLATE "C" NOT NULL,
    file_id     uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    tenant_id   uuid NOT NULL,
    PRIMARY KEY (dataset_id, key, file_id)
);
CREATE INDEX similar_keys_of_file ON similar_keys (file_id);
ALTER TABLE similar_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE similar_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON similar_keys TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON similar_keys TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
