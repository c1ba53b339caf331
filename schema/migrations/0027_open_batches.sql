-- Batches and datasets with files that are not settled: a tenant's open batches are counted when it creates one.

CREATE INDEX file_counts_open ON file_counts (tenant_id, owner_id)
 WHERE state IN ('uploading', 'processing') AND files <> 0;
