-- Listings show the newest files first and read these indexes backward. In ascending order new files are added at the end of their
-- dataset, where PostgreSQL fills pages; in descending order it splits half-empty ones, and the indexes are almost twice as large.

DROP INDEX files_listed, files_listed_by_state, files_listed_by_batch;
CREATE INDEX files_listed ON files (dataset_id, file_id) WHERE removed_at IS NULL;
CREATE INDEX files_listed_by_state ON files (dataset_id, state, file_id) WHERE removed_at IS NULL;
CREATE INDEX files_listed_by_batch ON files (batch_id, file_id);
