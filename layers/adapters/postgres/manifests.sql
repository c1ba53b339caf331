-- create_manifest --
-- Creates a manifest for a new batch.
INSERT INTO manifests (tenant_id, dataset_id, batch_id, line_count, upload_until)
VALUES (CAST(:tenant_id AS uuid), :dataset_id, :batch_id, :line_count, now() + make_interval(secs => :upload_s))
RETURNING manifest_id, dataset_id, batch_id, line_count, taken_count, file_count, duplicate_count, upload_until, created_at

-- manifest --
-- One manifest of a live dataset.
SELECT m.manifest_id, m.dataset_id, m.batch_id, m.line_count, m.taken_count, m.file_count, m.duplicate_count,
       m.upload_until, m.created_at
  FROM manifests m JOIN datasets d USING (dataset_id)
 WHERE m.tenant_id = :tenant_id AND m.manifest_id = :manifest_id AND d.removed_at IS NULL

-- manifest_locked --
-- The same, locked until this transaction ends. A removal of the dataset or a cancellation of the batch waits, or is seen.
SELECT m.manifest_id, m.dataset_id, m.batch_id, m.line_count, m.taken_count, m.file_count, m.duplicate_count,
       m.upload_until, m.created_at
  FROM manifests m JOIN datasets d USING (dataset_id) JOIN batches b USING (batch_id)
 WHERE m.tenant_id = :tenant_id AND m.manifest_id = :manifest_id AND d.removed_at IS NULL
   FOR UPDATE OF m FOR KEY SHARE OF d FOR SHARE OF b

-- take_files --
-- Creates files of a manifest; their ids ascend in the order of the lines.
WITH described AS MATERIALIZED (
    SELECT uuidv7() AS file_id, n.* FROM ROWS FROM (
           unnest(CAST(:lines AS integer[])), unnest(CAST(:names AS text[])), unnest(CAST(:sizes AS bigint[])),
           unnest(CAST(:media_types AS text[])), unnest(CAST(:sha256s AS text[])),
           unnest(CAST(:modified AS timestamptz[])))
           AS n(line, name, size_bytes, media_type, sha256, modified_at))
INSERT INTO files (file_id, tenant_id, dataset_id, batch_id, name, declared_size_bytes, declared_media_type,
                   declared_sha256, object_key, upload_until, manifest_line, modified_at)
SELECT d.file_id, CAST(:tenant_id AS uuid), m.dataset_id, m.batch_id, d.name, d.size_bytes, d.media_type, d.sha256,
       'originals/' || CAST(:tenant_id AS uuid) || '/' || d.file_id, m.upload_until, d.line, d.modified_at
  FROM described d CROSS JOIN manifests m
 WHERE m.tenant_id = :tenant_id AND m.manifest_id = :manifest_id ORDER BY d.line

-- keep_duplicates --
-- Stores which lines of a manifest need no upload.
INSERT INTO manifest_duplicates (manifest_id, line, tenant_id, duplicate_of)
SELECT :manifest_id, line, CAST(:tenant_id AS uuid), duplicate_of
  FROM ROWS FROM (unnest(CAST(:lines AS integer[])), unnest(CAST(:file_ids AS uuid[]))) AS n(line, duplicate_of)

-- count_taken --
-- Counts lines of a manifest that were taken.
UPDATE manifests SET taken_count = taken_count + :files + :duplicates, file_count = file_count + :files,
                     duplicate_count = duplicate_count + :duplicates
 WHERE tenant_id = :tenant_id AND manifest_id = :manifest_id
RETURNING manifest_id, dataset_id, batch_id, line_count, taken_count, file_count, duplicate_count, upload_until, created_at

-- manifest_duplicates --
-- Lines of a manifest that need no upload, after a line.
SELECT line, duplicate_of FROM manifest_duplicates
 WHERE tenant_id = :tenant_id AND manifest_id = :manifest_id AND line > :after ORDER BY line LIMIT :limit

-- awaited_lines --
-- Files of a manifest whose bytes have not arrived, after a line.
SELECT file_id, manifest_line, state, declared_size_bytes,
       state = 'upload_missing' OR upload_until < now() + make_interval(secs => :upload_s) AS is_late
  FROM files
 WHERE tenant_id = :tenant_id AND batch_id = :batch_id AND manifest_line > :after AND manifest_line IS NOT NULL
   AND state IN ('uploading', 'upload_missing') AND removed_at IS NULL
 ORDER BY manifest_line LIMIT :limit

-- renew_uploads --
-- Extends the time for uploads of files that have not arrived.
WITH chosen AS (
    SELECT file_id FROM files WHERE tenant_id = :tenant_id AND file_id = ANY (CAST(:file_ids AS uuid[]))
       AND state IN ('uploading', 'upload_missing') AND removed_at IS NULL ORDER BY file_id FOR UPDATE)
UPDATE files f SET upload_until = now() + make_interval(secs => :upload_s), state = 'uploading', updated_at = now()
  FROM chosen WHERE f.file_id = chosen.file_id

-- begin_uploads --
-- Notes up to which line uploads of a manifest were signed.
UPDATE manifests SET signed_line = :line WHERE tenant_id = :tenant_id AND manifest_id = :manifest_id AND signed_line < :line

-- awaited_files --
-- What is needed to sign the uploads of files that are awaited now, in the order of their lines.
SELECT file_id, manifest_line, name, object_key, declared_size_bytes, declared_sha256, multipart_id FROM files
 WHERE tenant_id = :tenant_id AND file_id = ANY (CAST(:file_ids AS uuid[])) AND state = 'uploading' AND removed_at IS NULL
 ORDER BY manifest_line
