-- Files are found by their names in a normal form: one system writes ü as one character, another as u and two dots.

DROP INDEX files_by_name;
CREATE INDEX files_by_name ON files USING gin (dataset_id, normalize(name, NFKC) gin_trgm_ops) WHERE removed_at IS NULL;
