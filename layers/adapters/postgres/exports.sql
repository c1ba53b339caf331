-- claim_export --
-- Claims the export with the oldest turn of the tenant with the fewest running exports; also one whose worker was lost. One
-- worker runs one export at a time, or one slice of it, so that tenants take turns.
UPDATE exports e
   SET state = 'running', attempt = e.attempt + 1, rows_written = coalesce((e.progress ->> 'rows')::bigint, 0), lease_id = gen_random_uuid(),
       lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE e.export_id = (
       SELECT w.export_id FROM exports w
        WHERE w.state = 'waiting' OR (w.state = 'running' AND w.lease_expires_at < clock_timestamp())
        ORDER BY (SELECT count(*) FROM exports o
                   WHERE o.tenant_id = w.tenant_id AND o.state = 'running' AND o.lease_expires_at >= clock_timestamp()),
                 w.turn_at
        LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
RETURNING e.export_id, e.tenant_id, e.dataset_id, e.format, e.conditions, e.sort, e.names, e.attempt, e.lease_id,
          e.progress, (SELECT v.schema FROM datasets d JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
            WHERE d.dataset_id = e.dataset_id AND d.removed_at IS NULL) AS schema

-- extend_export --
-- Extends the lease of an export; returns no row if it is no longer held.
UPDATE exports SET rows_written = :rows_written, attempt = attempt - :given_back, lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE export_id = :export_id AND lease_id = :lease_id RETURNING export_id

-- pause_export --
-- Ends a slice of an export: it waits for its next turn. Returns no row if its lease is no longer held.
UPDATE exports
   SET state = 'waiting', attempt = 0, lease_id = NULL, lease_expires_at = NULL, rows_written = :rows_written,
       progress = :progress, turn_at = clock_timestamp()
 WHERE export_id = :export_id AND lease_id = :lease_id RETURNING export_id

-- end_export --
-- Ends an export; returns no row if its lease is no longer held.
UPDATE exports
   SET state = :state, attempt = attempt - :given_back, lease_id = NULL, lease_expires_at = NULL, rows_written = :rows_written, object_key = :object_key,
       size_bytes = :size_bytes, progress = coalesce(CAST(:progress AS jsonb), progress), error_code = :error_code, error_detail = :error_detail,
       ended_at = CASE WHEN :state IN ('done', 'failed') THEN clock_timestamp() END
 WHERE export_id = :export_id AND lease_id = :lease_id RETURNING export_id

-- newest_records --
-- The records of a dataset's files, newest file first. Both tables name the position: a merge join would otherwise read
-- the records from the newest one again for each page.
SELECT CAST(r.record_id AS text) AS record_id, CAST(f.file_id AS text) AS file_id, f.name AS file_name, r.schema_version, r.complete,
       r.review, CAST(r.fields AS text) AS fields, CAST(nullif(r.missing, '[]') AS text) AS missing,
       CAST(nullif(r.doubtful, '[]') AS text) AS doubtful, CAST(nullif(r.notes, '[]') AS text) AS notes,
       CAST(nullif(r.further, '[]') AS text) AS further, CAST(nullif(r.set_values, '{}') AS text) AS set_values, r.lost
  FROM files f JOIN records r ON r.file_id = f.file_id
 WHERE f.tenant_id = :tenant_id AND f.dataset_id = :dataset_id AND f.removed_at IS NULL
   AND f.file_id < :before AND r.file_id < :before
 ORDER BY f.file_id DESC LIMIT :limit

-- records_of_files --
-- The records of some of a dataset's files.
SELECT CAST(r.record_id AS text) AS record_id, CAST(f.file_id AS text) AS file_id, f.name AS file_name, r.schema_version, r.complete,
       r.review, CAST(r.fields AS text) AS fields, CAST(nullif(r.missing, '[]') AS text) AS missing,
       CAST(nullif(r.doubtful, '[]') AS text) AS doubtful, CAST(nullif(r.notes, '[]') AS text) AS notes,
       CAST(nullif(r.further, '[]') AS text) AS further, CAST(nullif(r.set_values, '{}') AS text) AS set_values, r.lost
  FROM files f JOIN records r ON r.file_id = f.file_id
 WHERE f.tenant_id = :tenant_id AND f.dataset_id = :dataset_id AND f.removed_at IS NULL
   AND f.file_id = ANY (CAST(:file_ids AS uuid[]))

-- originals --
-- The originals of some of a dataset's files.
SELECT CAST(file_id AS text) AS file_id, object_key, version_id, coalesce(size_bytes, declared_size_bytes) AS size_bytes, sha256,
       uploaded_at IS NOT NULL AND original_erased_at IS NULL AS is_kept
  FROM files
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND removed_at IS NULL
   AND file_id = ANY (CAST(:file_ids AS uuid[]))

-- old_exports --
-- Exports that ended long ago, or whose dataset was removed.
SELECT export_id, tenant_id FROM exports
 WHERE ended_at < clock_timestamp() - make_interval(secs => :kept_s)
 ORDER BY ended_at LIMIT :limit

-- forget_exports --
-- Deletes exports, whose objects are deleted.
DELETE FROM exports WHERE export_id = ANY (CAST(:export_ids AS uuid[]))
