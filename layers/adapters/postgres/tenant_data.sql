-- places_of_rows --
-- The query that finds the rows of a tenant in a table.
SELECT rows_of_tenant(:table) AS query

-- next_tenant_dataset --
-- The next live dataset of a tenant.
SELECT dataset_id FROM datasets
 WHERE tenant_id = :tenant_id AND removed_at IS NULL AND (CAST(:after AS uuid) IS NULL OR dataset_id > :after)
 ORDER BY dataset_id LIMIT 1

-- tenant_files --
-- The next live files of a dataset, with their objects.
SELECT f.file_id, f.name, f.object_key, f.version_id, f.uploaded_at IS NOT NULL AS has_arrived,
       f.original_erased_at IS NOT NULL AS original_erased, f.sha256, a.object_key AS text_key
  FROM (SELECT * FROM files WHERE dataset_id = :dataset_id AND removed_at IS NULL
           AND (CAST(:after AS uuid) IS NULL OR file_id > :after) ORDER BY file_id LIMIT :limit) f
  LEFT JOIN artifacts a ON a.file_id = f.file_id AND a.kind = 'text'
 ORDER BY f.file_id

-- keep_exported --
-- Stores what was exported.
UPDATE tenant_receipts SET exported = :exported WHERE receipt_id = :receipt_id

-- begin_tenant_erasure --
-- Revokes the keys of a tenant and removes its datasets.
SELECT begin_tenant_erasure(:tenant_id, :receipt_id, :most)

-- left_to_erase --
-- The files of a tenant, and the removals whose files may still get objects.
SELECT files, removals FROM left_to_erase(:tenant_id, :most)

-- count_removed --
-- Stores what the removals of a tenant have erased in a receipt.
UPDATE tenant_receipts t
   SET erased = t.erased || jsonb_build_object('files', r.files, 'objects', r.objects, 'rows_of_files', r.rows)
  FROM (SELECT coalesce(sum(file_count), 0) AS files, coalesce(sum(objects_erased), 0) AS objects,
               coalesce(sum(rows_erased), 0) AS rows
          FROM removals WHERE tenant_id = :tenant_id AND undone_at IS NULL) r
 WHERE t.receipt_id = :receipt_id AND NOT t.erased ? 'files'

-- count_objects --
-- Adds deleted objects to a receipt.
UPDATE tenant_receipts SET erased = erased || jsonb_build_object('objects', coalesce((erased ->> 'objects')::bigint, 0) + CAST(:objects AS bigint))
 WHERE receipt_id = :receipt_id

-- erase_tenant_rows --
-- Deletes the next rows of a tenant.
SELECT erased, tables_left FROM erase_tenant_rows(:tenant_id, :receipt_id, :limit)

-- count_tenant_rows --
-- The tables that have rows of a tenant.
SELECT table_name, row_count FROM count_tenant_rows(:tenant_id, :receipt_id)

-- count_tables --
-- How many tables an erasure empties.
SELECT count(*) AS tables FROM tables_of_tenants()

-- end_receipt --
-- Completes a receipt.
UPDATE tenant_receipts SET verified = :verified, ended_at = clock_timestamp() WHERE receipt_id = :receipt_id

-- forget_tenant --
-- Forgets the name and the settings of a tenant that was erased. Its id stays with the receipt.
UPDATE tenants SET name = 'erased ' || tenant_id, quota = '{}', import_sources = '{}', erased_at = clock_timestamp()
 WHERE tenant_id = :tenant_id

-- old_tenant_exports --
-- Exports of tenants that are no longer kept.
SELECT holder_id, receipt_id FROM tenant_receipts
 WHERE exports AND export_deleted_at IS NULL AND ended_at < now() - make_interval(days => :kept_days) ORDER BY ended_at LIMIT 20

-- forget_tenant_export --
-- Notes that the objects of an export are deleted.
UPDATE tenant_receipts SET export_deleted_at = clock_timestamp() WHERE receipt_id = :receipt_id
