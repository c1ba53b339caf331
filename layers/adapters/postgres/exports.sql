-- claim_export --
-- Claims the oldest export of the tenant with the fewest running exports; also one whose worker was lost. One worker runs one
-- export at a time, so that tenants take turns.
UPDATE exports e
   SET state = 'running', attempt = e.attempt + 1, rows_written = 0, lease_id = gen_random_uuid(),
       lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE e.export_id = (
       SELECT w.export_id FROM exports w
        WHERE w.state = 'waiting' OR (w.state = 'running' AND w.lease_expires_at < clock_timestamp())
        ORDER BY (SELECT count(*) FROM exports o
                   WHERE o.tenant_id = w.tenant_id AND o.state = 'running' AND o.lease_expires_at >= clock_timestamp()),
                 w.created_at
        LIMIT 1 FOR UPDATE OF w SKIP LOCKED)
RETURNING e.export_id, e.tenant_id, e.dataset_id, e.format, e.conditions, e.sort, e.attempt, e.lease_id,
          (SELECT v.schema FROM datasets d JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
            WHERE d.dataset_id = e.dataset_id AND d.removed_at IS NULL) AS schema

-- extend_export --
-- Extends the lease of an export; returns no row if it is no longer held.
UPDATE exports SET rows_written = :rows_written, attempt = attempt - :given_back, lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
 WHERE export_id = :export_id AND lease_id = :lease_id RETURNING export_id

-- end_export --
-- Ends an export; returns no row if its lease is no longer held.
UPDATE exports
   SET state = :state, attempt = attempt - :given_back, lease_id = NULL, lease_expires_at = NULL, rows_written = :rows_written, object_key = :object_key,
       size_bytes = :size_bytes, error_code = :error_code, error_detail = :error_detail,
       ended_at = CASE WHEN :state IN ('done', 'failed') THEN clock_timestamp() END
 WHERE export_id = :export_id AND lease_id = :lease_id RETURNING export_id

-- table_records --
-- The records of files, with their names.
SELECT r.record_id, r.file_id, f.name AS file_name, r.schema_version, r.fields, r.missing, r.doubtful, r.notes, r.complete,
       r.further, r.found_by, r.remembered, r.lost, r.set_values, r.review
  FROM records r JOIN files f USING (file_id)
 WHERE r.tenant_id = :tenant_id AND r.file_id = ANY (:file_ids) AND f.removed_at IS NULL

-- old_exports --
-- Exports that ended long ago, or whose dataset was removed.
SELECT export_id, tenant_id FROM exports
 WHERE ended_at < clock_timestamp() - make_interval(secs => :kept_s)
 ORDER BY ended_at LIMIT :limit

-- forget_exports --
-- Deletes exports, whose objects are deleted.
DELETE FROM exports WHERE export_id = ANY (CAST(:export_ids AS uuid[]))
