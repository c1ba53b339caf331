-- key_holder --
-- Whose key this is, unless it was revoked.
SELECT key_id, tenant_id, role FROM api_keys WHERE key_hash = :key_hash AND revoked_at IS NULL

-- create_dataset --
-- Makes a dataset with the first version of its schema.
WITH made AS (
    INSERT INTO datasets (tenant_id, name) VALUES (:tenant_id, :name) RETURNING *),
versioned AS (
    INSERT INTO schema_versions (dataset_id, version, tenant_id, schema)
    SELECT dataset_id, 1, tenant_id, :schema FROM made)
SELECT dataset_id, name, schema_version, created_at, CAST(:schema AS jsonb) AS schema FROM made

-- datasets --
-- A tenant's datasets, newest first.
SELECT d.dataset_id, d.name, d.schema_version, d.created_at, v.schema
  FROM datasets d JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
 WHERE d.tenant_id = :tenant_id ORDER BY d.dataset_id DESC LIMIT 1000

-- dataset --
-- One dataset.
SELECT d.dataset_id, d.name, d.schema_version, d.created_at, v.schema
  FROM datasets d JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
 WHERE d.tenant_id = :tenant_id AND d.dataset_id = :dataset_id

-- put_schema --
-- A new version of a dataset's schema.
WITH raised AS (
    UPDATE datasets SET schema_version = schema_version + 1
     WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id RETURNING *)
INSERT INTO schema_versions (dataset_id, version, tenant_id, schema)
SELECT dataset_id, schema_version, tenant_id, :schema FROM raised RETURNING version

-- counts_by_state --
-- A dataset's live files by state.
SELECT state, count(*) AS files FROM files
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND removed_at IS NULL GROUP BY state

-- create_batch --
-- A new batch of a dataset; no row where the tenant has no such dataset.
INSERT INTO batches (tenant_id, dataset_id, allow_duplicates)
SELECT tenant_id, dataset_id, :allow_duplicates FROM datasets
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id
RETURNING batch_id, dataset_id, allow_duplicates, created_at, cancelled_at

-- batch --
-- One batch.
SELECT batch_id, dataset_id, allow_duplicates, created_at, cancelled_at FROM batches
 WHERE tenant_id = :tenant_id AND batch_id = :batch_id

-- batch_counts --
-- A batch's live files by state.
SELECT state, count(*) AS files FROM files
 WHERE tenant_id = :tenant_id AND batch_id = :batch_id AND removed_at IS NULL GROUP BY state

-- duplicates --
-- Verified live files of a dataset with this content, the oldest for each.
SELECT DISTINCT ON (sha256) sha256, file_id FROM files
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND sha256 = ANY (:sha256s) AND removed_at IS NULL
 ORDER BY sha256, file_id

-- create_files --
-- New files of a batch, in the order given; their ids rise in that order.
WITH described AS MATERIALIZED (
    SELECT uuidv7() AS file_id, n.* FROM ROWS FROM (
           unnest(CAST(:names AS text[])), unnest(CAST(:sizes AS bigint[])),
           unnest(CAST(:media_types AS text[])), unnest(CAST(:sha256s AS text[])))
           WITH ORDINALITY AS n(name, size_bytes, media_type, sha256, place))
INSERT INTO files (file_id, tenant_id, dataset_id, batch_id, name, declared_size_bytes, declared_media_type,
                   declared_sha256, object_key, upload_until)
SELECT file_id, CAST(:tenant_id AS uuid), :dataset_id, :batch_id, name, size_bytes, media_type, sha256,
       'originals/' || CAST(:tenant_id AS uuid) || '/' || file_id, now() + make_interval(secs => :upload_s)
  FROM described ORDER BY place
RETURNING file_id, name, object_key, declared_size_bytes, declared_sha256

-- renew_upload --
-- Extends the time for an upload that has not come; no row where none is awaited.
UPDATE files SET upload_until = now() + make_interval(secs => :upload_s), state = 'uploading', updated_at = now()
 WHERE tenant_id = :tenant_id AND file_id = :file_id AND state IN ('uploading', 'upload_missing') AND removed_at IS NULL
RETURNING file_id, name, object_key, declared_size_bytes, declared_sha256

-- cancel_batch --
-- Stops what has not run of a batch; how many files that were.
SELECT cancel_batch(:tenant_id, :batch_id) AS cancelled

-- files --
-- A page of a dataset's live files, newest first.
SELECT f.* FROM files f
 WHERE f.tenant_id = :tenant_id AND f.dataset_id = :dataset_id AND f.removed_at IS NULL
   AND (CAST(:after AS uuid) IS NULL OR f.file_id < :after)
   AND (CAST(:state AS text) IS NULL OR f.state = :state)
   AND (CAST(:batch_id AS uuid) IS NULL OR f.batch_id = :batch_id)
   AND (CAST(:name AS text) IS NULL OR f.name ILIKE :name)
 ORDER BY f.file_id DESC LIMIT :limit

-- file --
-- One live file.
SELECT * FROM files WHERE tenant_id = :tenant_id AND file_id = :file_id AND removed_at IS NULL

-- steps_of --
-- The steps of files, parts in order.
SELECT file_id, step, part, state, attempt, snoozes, reason, error_code, error_detail, page_numbers,
       started_at, ended_at, due_at
  FROM steps WHERE file_id = ANY (:file_ids) ORDER BY file_id, step, part

-- artifacts_of --
-- The artifacts of files.
SELECT * FROM artifacts WHERE file_id = ANY (:file_ids)

-- records_of --
-- The records of files.
SELECT * FROM records WHERE file_id = ANY (:file_ids)

-- history --
-- Every attempt of a file, oldest first.
SELECT a.step, a.part, a.attempt, a.started_at, a.ended_at, a.outcome, a.error_code, a.error_detail, a.cost_s, a.host
  FROM attempts a JOIN files f USING (file_id)
 WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id AND f.removed_at IS NULL
 ORDER BY a.started_at, a.step, a.part, a.attempt

-- records_page --
-- A page of a dataset's records, oldest first.
SELECT r.record_id, r.file_id, f.name AS file_name, r.schema_version, r.fields, r.missing, r.complete
  FROM records r JOIN files f USING (file_id)
 WHERE r.tenant_id = :tenant_id AND r.dataset_id = :dataset_id AND f.removed_at IS NULL
   AND (CAST(:after AS uuid) IS NULL OR r.record_id > :after)
 ORDER BY r.record_id LIMIT :limit

-- remove_files --
-- Marks files as removed and stops their steps; the removal's id and count.
SELECT removal_id, file_count FROM remove_files(:tenant_id, :dataset_id, :file_ids, :batch_id, :undo_s)

-- removal --
-- One removal.
SELECT removal_id, file_count, created_at, erased_at, objects_erased, rows_erased FROM removals
 WHERE tenant_id = :tenant_id AND removal_id = :removal_id

-- redrive --
-- Makes a step and those after it wait anew; false where some of them is at work.
SELECT redrive_file(f.file_id, :steps, :is_main) AS redriven FROM files f
 WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id AND f.removed_at IS NULL

-- failed_files --
-- Failed files of a dataset, with the step that failed.
SELECT file_id, error_step FROM files
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND state = :state AND removed_at IS NULL
   AND (CAST(:code AS text) IS NULL OR error_code = :code)
 ORDER BY file_id LIMIT 1000
