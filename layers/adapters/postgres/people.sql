-- tenant_name --
-- The name of the caller's tenant.
SELECT name FROM tenants WHERE tenant_id = :tenant_id

-- create_code --
-- Creates a one-time code of a key; returns when it expires.
INSERT INTO session_codes (code_hash, tenant_id, made_by, role, name, expires_at)
VALUES (decode(:code_hash, 'hex'), :tenant_id, :key_id, :role, :name, now() + make_interval(secs => :lifetime_s))
RETURNING expires_at

-- exchange_code --
-- Exchanges a one-time code for the key of a session; returns no row if the code is not valid.
SELECT key_id, tenant_id, role, name, expires_at FROM exchange_code(:code_hash, :key_hash, :lifetime_s)

-- end_session --
-- Revokes a key of the tenant if it is the key of a session.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
 WHERE tenant_id = :tenant_id AND key_id = :key_id AND expires_at IS NOT NULL
RETURNING key_id, tenant_id, role, name, created_at, expires_at, revoked_at

-- revoke_sessions_of --
-- Revokes the keys of the sessions that a key has created.
UPDATE api_keys SET revoked_at = now() WHERE made_by = :key_id AND revoked_at IS NULL RETURNING key_id

-- session_count --
-- The number of the tenant's codes and sessions that have not expired.
SELECT (SELECT count(*) FROM session_codes WHERE tenant_id = :tenant_id AND expires_at > now())
     + (SELECT count(*) FROM api_keys WHERE tenant_id = :tenant_id AND expires_at > now() AND revoked_at IS NULL)

-- forget_ended_sessions --
-- Deletes the tenant's expired codes, and the keys of sessions that expired a month ago.
WITH codes AS (DELETE FROM session_codes WHERE tenant_id = :tenant_id AND expires_at < now())
DELETE FROM api_keys WHERE tenant_id = :tenant_id AND expires_at < now() - interval '30 days'

-- correct_record --
-- Stores the values of a record that people set, with the history of this change.
SELECT correct_record(:tenant_id, :file_id, :document, :set_values, :changes, :key_id, :person)

-- review_records --
-- Sets the review of records; returns how many changed, and how many of the files have a record.
SELECT changed, found FROM review_records(:tenant_id, :dataset_id, CAST(:file_ids AS uuid[]), :review, :request_id, :key_id, :person)

-- undo_reviews --
-- Gives records the review that they had before a request; returns their dataset, their files, and how many the request had set.
SELECT dataset_id, file_ids, found FROM undo_reviews(:tenant_id, :request_id, :key_id, :person)

-- similar_files --
-- A file and those that may be the same document, with what is compared of them.
SELECT * FROM similar_files(:tenant_id, :file_id, :of_key, :most)

-- page_texts --
-- How the texts of pages begin: [{"file_id", "page"}].
SELECT p.file_id, p.page_number, left(p.text, :most) AS text FROM pages p JOIN jsonb_to_recordset(:wanted) AS w(file_id uuid, page integer)
    ON p.file_id = w.file_id AND p.page_number = w.page
 WHERE p.tenant_id = :tenant_id

-- taught_documents --
-- The newest documents whose records a person has corrected or approved, with their numbers and domains.
SELECT r.file_id, k.document, taught_values(r, k.document) AS "values", k.keys
  FROM (SELECT t.file_id FROM records t JOIN files f USING (file_id)
         WHERE t.tenant_id = :tenant_id AND t.dataset_id = :dataset_id AND f.removed_at IS NULL
           AND (t.review = 'approved' OR t.set_values <> '{}')
         ORDER BY t.file_id DESC LIMIT :limit) newest
  JOIN records r ON r.file_id = newest.file_id
 CROSS JOIN LATERAL (SELECT s.document, coalesce(array_agg(s.key) FILTER (WHERE s.key < 'w'), '{}') AS keys
                       FROM sender_keys s WHERE s.file_id = r.file_id GROUP BY s.document) k
 ORDER BY r.file_id DESC, k.document

-- learn_senders --
-- Stores the keys of documents whose records a person has corrected or approved.
SELECT learn_senders(:tenant_id, :dataset_id, :taught)

-- record_changes --
-- What people changed in a record, oldest first.
SELECT document, action, field, before, after, key_id, person, changed_at FROM record_changes
 WHERE tenant_id = :tenant_id AND file_id = :file_id ORDER BY change_id LIMIT :limit

-- record_change_count --
-- How often people have changed a record.
SELECT count(*) FROM record_changes WHERE tenant_id = :tenant_id AND file_id = :file_id

-- file_ids --
-- The ids of a page of a dataset's live files, newest first.
SELECT f.file_id::text FROM files f
 WHERE f.tenant_id = :tenant_id AND f.dataset_id = :dataset_id AND f.removed_at IS NULL
   AND (CAST(:after AS uuid) IS NULL OR f.file_id < :after)
   AND (CAST(:state AS text) IS NULL OR f.state = :state)
   AND (CAST(:batch_id AS uuid) IS NULL OR f.batch_id = :batch_id)
 ORDER BY f.file_id DESC LIMIT :limit

-- file_ids_by_name --
-- The same for files whose name matches a pattern.
SELECT file_id::text FROM search_files(:dataset_id, :name, CAST(:after AS uuid), CAST(:state AS text), CAST(:batch_id AS uuid), :limit)

-- table_rows --
-- Files as a table shows them.
SELECT f.file_id::text AS file_id, f.batch_id::text AS batch_id, f.name, f.state,
       coalesce(f.size_bytes, f.declared_size_bytes) AS size_bytes, coalesce(f.media_type, f.declared_media_type) AS media_type,
       time_text(f.created_at) AS created_at, time_text(f.updated_at) AS updated_at,
       f.error_step, f.error_code, f.error_detail,
       (SELECT string_agg(s.step || ':' || s.state, ' ' ORDER BY s.step, s.part) FROM steps s WHERE s.file_id = f.file_id) AS steps,
       a.object_key AS thumbnail_key, a.media_type AS thumbnail_type, a.width, a.height,
       r.version AS record_version, CASE WHEN length(r.fields::text) <= 4000 THEN r.fields
            ELSE (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(r.fields) v
                   WHERE length(v.value::text) <= 500) END::text AS fields,
       CASE WHEN length(r.fields::text) <= 4000 THEN '[]'
            ELSE (SELECT coalesce(jsonb_agg(v.key), '[]') FROM jsonb_each(r.fields) v
                   WHERE length(v.value::text) > 500) END::text AS cut,
       r.missing::text AS missing, r.doubtful::text AS doubtful,
       r.review, r.set_values = '{}' AND r.further = '[]' AS is_plain,
       b.labels, f.kind, f.kind_probability, f.kind_by, f.moved, f.archive_id::text AS archive_id, f.first_page, f.last_page,
       concat_ws(':', f.xmin::text, coalesce(r.xmin::text, ''), coalesce(a.xmin::text, ''), c.changed_xid) AS version
  FROM files f
  JOIN batches b ON b.batch_id = f.batch_id
  LEFT JOIN file_changes c ON c.file_id = f.file_id AND c.dataset_id = f.dataset_id
  LEFT JOIN artifacts a ON a.file_id = f.file_id AND a.kind = 'thumbnail'
  LEFT JOIN records r ON r.file_id = f.file_id
 WHERE f.tenant_id = :tenant_id AND f.file_id = ANY (CAST(:file_ids AS uuid[])) AND f.removed_at IS NULL

-- row_versions --
-- The transactions that last wrote what `table_rows` shows: a change of steps alone is noted in `file_changes`.
SELECT f.file_id::text AS file_id,
       concat_ws(':', f.xmin::text, coalesce(r.xmin::text, ''), coalesce(a.xmin::text, ''), c.changed_xid) AS version
  FROM files f
  LEFT JOIN file_changes c ON c.file_id = f.file_id AND c.dataset_id = f.dataset_id
  LEFT JOIN artifacts a ON a.file_id = f.file_id AND a.kind = 'thumbnail'
  LEFT JOIN records r ON r.file_id = f.file_id
 WHERE f.tenant_id = :tenant_id AND f.file_id = ANY (CAST(:file_ids AS uuid[])) AND f.removed_at IS NULL

-- pages_of --
-- Pages of a file from a number on, with their words.
SELECT page_number, source, confidence, width, height, turned, words FROM pages
 WHERE tenant_id = :tenant_id AND file_id = :file_id AND page_number >= :first ORDER BY page_number LIMIT :limit

-- page_count --
-- The number of a file's pages: as its format states it, or as they were read.
SELECT greatest(coalesce(f.page_count, 0), (SELECT coalesce(max(p.page_number), 0) FROM pages p WHERE p.file_id = f.file_id))
  FROM files f WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id

-- batches --
-- A page of a dataset's batches, newest first; all, or those with a label.
SELECT batch_id, dataset_id, name, allow_duplicates, separation, labels, priority, created_at, cancelled_at FROM batches
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND (CAST(:after AS uuid) IS NULL OR batch_id < :after)
   AND (CAST(:label AS text) IS NULL OR labels @> ARRAY[CAST(:label AS text)])
 ORDER BY batch_id DESC LIMIT :limit

-- removals_of_dataset --
-- A page of a dataset's removals, newest first.
SELECT removal_id, dataset_id, whole_dataset, file_count, created_at, erase_after, undone_at, erased_at, swept_at,
       objects_erased, rows_erased,
       (SELECT d.name FROM datasets d LEFT JOIN removals whole ON whole.removal_id = d.removal_id
         WHERE d.dataset_id = r.dataset_id AND whole.erased_at IS NULL) AS dataset_name,
       ARRAY(SELECT f.name FROM files f WHERE f.removal_id = r.removal_id LIMIT 3) AS file_names
  FROM removals r
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND (CAST(:after AS uuid) IS NULL OR removal_id < :after)
 ORDER BY removal_id DESC LIMIT :limit

-- removals_of_tenant --
-- A page of all removals of the tenant, newest first.
SELECT removal_id, dataset_id, whole_dataset, file_count, created_at, erase_after, undone_at, erased_at, swept_at,
       objects_erased, rows_erased,
       (SELECT d.name FROM datasets d LEFT JOIN removals whole ON whole.removal_id = d.removal_id
         WHERE d.dataset_id = r.dataset_id AND whole.erased_at IS NULL) AS dataset_name,
       ARRAY(SELECT f.name FROM files f WHERE f.removal_id = r.removal_id LIMIT 3) AS file_names
  FROM removals r WHERE tenant_id = :tenant_id AND (CAST(:after AS uuid) IS NULL OR removal_id < :after)
 ORDER BY removal_id DESC LIMIT :limit

-- remove_dataset --
-- Removes a dataset with all its files; returns no row if there is no such dataset.
SELECT removal_id, file_count FROM remove_dataset(:tenant_id, :dataset_id, :undo_s, :most)

-- find_rows --
-- A part of a dataset's live files that fulfil conditions on the values of their records, in order.
SELECT file_id, key, is_marker
  FROM find_rows(:tenant_id, :dataset_id, :where, :sort, :by, :descending, :without_value, CAST(:after_number AS float8),
                 CAST(:after_words AS text), CAST(:after_id AS uuid), :limit, :few, :most)

-- row_position --
-- The value of a live file by which rows are sorted.
SELECT v.number, v.words FROM files f LEFT JOIN row_values v ON v.file_id = f.file_id AND v.field = CAST(:field AS text)
 WHERE f.tenant_id = :tenant_id AND f.dataset_id = :dataset_id AND f.file_id = :file_id AND f.removed_at IS NULL

-- create_export --
-- Creates an export of a dataset.
INSERT INTO exports (tenant_id, dataset_id, format, names, conditions, sort)
VALUES (:tenant_id, :dataset_id, :format, :names, :conditions, CAST(:sorted_by AS jsonb))
RETURNING export_id, dataset_id, format, names, state, rows_written, progress, object_key, size_bytes, error_code, error_detail,
          created_at, ended_at

-- export --
-- One export of a dataset that was not removed.
SELECT e.export_id, e.dataset_id, e.format, e.names, e.state, e.rows_written, e.progress, e.object_key, e.size_bytes, e.error_code, e.error_detail,
       e.created_at, e.ended_at
  FROM exports e JOIN datasets d USING (dataset_id)
 WHERE e.tenant_id = :tenant_id AND e.export_id = :export_id AND d.removed_at IS NULL

-- open_export_count --
-- The number of the tenant's exports that have not ended.
SELECT count(*) FROM exports WHERE tenant_id = :tenant_id AND state IN ('waiting', 'running')

-- zip_export_count --
-- The number of the tenant's zip exports that are kept or being written.
SELECT count(*) FROM exports WHERE tenant_id = :tenant_id AND format = 'zip' AND state <> 'failed'

-- artifacts_of_kinds --
-- The artifacts of a file of these kinds.
SELECT * FROM artifacts WHERE tenant_id = :tenant_id AND file_id = :file_id AND kind = ANY (CAST(:kinds AS text[]))
