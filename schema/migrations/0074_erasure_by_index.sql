-- The erasure of a tenant reads no whole table: it finds rows by these indexes, and so do the checks of foreign keys when it
-- deletes batches, datasets and removals.

-- With removed files: the check that a batch has none can't use a partial index.
DROP INDEX files_listed_by_batch;
CREATE INDEX files_listed_by_batch ON files (batch_id, file_id DESC);
-- A file's batch refers to its dataset. A check of its own would read all files for each dataset that is deleted.
ALTER TABLE files DROP CONSTRAINT files_dataset_id_fkey;
-- Likewise for each batch. Lanes exist while their batch has files, which refer to it.
ALTER TABLE batch_lanes DROP CONSTRAINT batch_lanes_batch_id_fkey;

DROP INDEX webhook_events_by_id;
CREATE INDEX webhook_events_by_id ON webhook_events (tenant_id, event_id);
CREATE INDEX reports_of_dataset ON reports (dataset_id);
CREATE INDEX datasets_of_removal ON datasets (removal_id) WHERE removal_id IS NOT NULL;
