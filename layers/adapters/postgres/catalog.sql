-- act_as --
-- Sets the tenant of this transaction.
SELECT act_as(CAST(:tenant_id AS text), :system)

-- look_up_key --
-- Sets the key that this transaction looks up.
SELECT ask_for_key(:key_hash)

-- key_holder --
-- The holder of a key that was not revoked and has not expired.
SELECT key_id, tenant_id, role, name, expires_at, key_hash FROM api_keys
 WHERE key_hash = decode(:key_hash, 'hex') AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())

-- answers --
-- Returns a row if the server answers.
SELECT 1

-- is_key_valid --
-- Returns a row if this key of the tenant was not revoked and has not expired.
SELECT key_id FROM api_keys WHERE tenant_id = :tenant_id AND key_id = :key_id AND revoked_at IS NULL
   AND (expires_at IS NULL OR expires_at > now())

-- create_dataset --
-- Creates a dataset with the first version of its schema.
WITH created AS (
    INSERT INTO datasets (tenant_id, name, when_textract_is_down, languages, date_order, several, sure_from, reading, retention,
                          routing)
    VALUES (:tenant_id, :name, :when_textract_is_down, :languages, :date_order, :several, :sure_from, :reading, :retention,
            CAST(:routing AS jsonb)) RETURNING *),
versioned AS (
    INSERT INTO schema_versions (dataset_id, version, tenant_id, schema)
    SELECT dataset_id, 1, tenant_id, :schema FROM created)
SELECT dataset_id, name, schema_version, when_textract_is_down, languages, date_order, several, sure_from, reading, retention, routing,
       created_at,
       CAST(:schema AS json) AS schema FROM created

-- change_dataset --
-- Changes the options of a dataset whose parameters are not NULL.
UPDATE datasets SET when_textract_is_down = coalesce(:when_textract_is_down, when_textract_is_down),
                    languages = coalesce(CAST(:languages AS text[]), languages),
                    date_order = coalesce(:date_order, date_order),
                    several = coalesce(:several, several),
                    sure_from = coalesce(:sure_from, sure_from),
                    reading = coalesce(:reading, reading),
                    retention = coalesce(CAST(:retention AS jsonb), retention),
                    routing = CASE WHEN CAST(:routing AS jsonb) IS NULL THEN routing
                                   ELSE nullif(CAST(:routing AS jsonb), '{}') END,
                    name = coalesce(:name, name)
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND removed_at IS NULL RETURNING dataset_id

-- datasets --
-- A tenant's datasets, newest first.
SELECT d.dataset_id, d.name, d.schema_version, d.when_textract_is_down, d.languages, d.date_order, d.several,
       d.sure_from, d.reading, d.retention, d.routing, d.created_at,
       v.schema
  FROM datasets d JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
 WHERE d.tenant_id = :tenant_id AND d.removed_at IS NULL AND (CAST(:after AS uuid) IS NULL OR d.dataset_id < :after)
 ORDER BY d.dataset_id DESC LIMIT :limit

-- dataset --
-- One dataset.
SELECT d.dataset_id, d.name, d.schema_version, d.when_textract_is_down, d.languages, d.date_order, d.several,
       d.sure_from, d.reading, d.retention, d.routing, d.created_at,
       v.schema
  FROM datasets d JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
 WHERE d.tenant_id = :tenant_id AND d.dataset_id = :dataset_id AND d.removed_at IS NULL

-- put_schema --
-- Adds a version of a dataset's schema.
WITH raised AS (
    UPDATE datasets SET schema_version = schema_version + 1
     WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND removed_at IS NULL RETURNING *)
INSERT INTO schema_versions (dataset_id, version, tenant_id, schema)
SELECT dataset_id, schema_version, tenant_id, :schema FROM raised RETURNING version

-- counts_of --
-- Live files of datasets or batches by state: the sum of counts and of changes that are not added up yet.
SELECT owner_id, state, sum(files)::bigint AS files FROM (
    SELECT owner_id, state, files FROM file_counts WHERE tenant_id = :tenant_id AND owner_id = ANY (:owner_ids)
    UNION ALL
    SELECT owner_id, state, delta FROM count_deltas WHERE tenant_id = :tenant_id AND owner_id = ANY (:owner_ids)) c
 WHERE state <> 'removed' GROUP BY 1, 2 HAVING sum(files) <> 0

-- create_batch --
-- Creates a batch of a dataset; returns no row if the tenant has no such dataset. Waits for a removal of the dataset.
INSERT INTO batches (tenant_id, dataset_id, name, allow_duplicates, expand_archives, separation, labels, priority)
SELECT tenant_id, dataset_id, :name, :allow_duplicates, :expand_archives, :separation, :labels, :priority FROM datasets
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND removed_at IS NULL FOR KEY SHARE
RETURNING batch_id, dataset_id, name, allow_duplicates, separation, labels, priority, created_at, cancelled_at

-- batch --
-- One batch.
SELECT b.batch_id, b.dataset_id, b.name, b.allow_duplicates, b.separation, b.labels, b.priority, b.created_at, b.cancelled_at
  FROM batches b JOIN datasets d USING (dataset_id)
 WHERE b.tenant_id = :tenant_id AND b.batch_id = :batch_id AND d.removed_at IS NULL

-- duplicates --
-- For each content, the oldest live file whose checksum was verified: of a dataset or those to which its rules send files.
SELECT DISTINCT ON (sha256) sha256, file_id FROM dataset_and_targets(:dataset_id) d JOIN files f ON f.dataset_id = d
 WHERE tenant_id = :tenant_id AND sha256 = ANY (CAST(:sha256s AS text[])) AND removed_at IS NULL
   AND original_erased_at IS NULL
 ORDER BY sha256, file_id

-- create_files --
-- Creates files of a batch; their ids ascend in the order of the parameters.
WITH described AS MATERIALIZED (
    SELECT uuidv7() AS file_id, n.* FROM ROWS FROM (
           unnest(CAST(:names AS text[])), unnest(CAST(:sizes AS bigint[])),
           unnest(CAST(:media_types AS text[])), unnest(CAST(:sha256s AS text[])))
           WITH ORDINALITY AS n(name, size_bytes, media_type, sha256, index))
INSERT INTO files (file_id, tenant_id, dataset_id, batch_id, name, declared_size_bytes, declared_media_type,
                   declared_sha256, object_key, upload_until)
SELECT file_id, CAST(:tenant_id AS uuid), :dataset_id, :batch_id, name, size_bytes, media_type, sha256,
       'originals/' || CAST(:tenant_id AS uuid) || '/' || file_id, now() + make_interval(secs => :upload_s)
  FROM described ORDER BY index
RETURNING file_id, name, object_key, declared_size_bytes, declared_sha256, multipart_id

-- renew_upload --
-- Extends the time for an upload; returns no row if the file has arrived.
UPDATE files SET upload_until = now() + make_interval(secs => :upload_s), state = 'uploading', updated_at = now()
 WHERE tenant_id = :tenant_id AND file_id = :file_id AND state IN ('uploading', 'upload_missing') AND removed_at IS NULL
RETURNING file_id, name, object_key, declared_size_bytes, declared_sha256, multipart_id

-- cancel_batch --
-- Cancels the steps of a batch that have not run; returns the number of their files.
SELECT cancel_batch(:tenant_id, :batch_id) AS cancelled

-- files --
-- A page of a dataset's live files, newest first.
SELECT f.* FROM files f
 WHERE f.tenant_id = :tenant_id AND f.dataset_id = :dataset_id AND f.removed_at IS NULL
   AND (CAST(:after AS uuid) IS NULL OR f.file_id < :after)
   AND (CAST(:state AS text) IS NULL OR f.state = :state)
   AND (CAST(:batch_id AS uuid) IS NULL OR f.batch_id = :batch_id)
 ORDER BY f.file_id DESC LIMIT :limit

-- files_by_name --
-- A page of a dataset's live files whose name matches a pattern, newest first.
SELECT * FROM search_files(:dataset_id, :name, CAST(:after AS uuid), CAST(:state AS text), CAST(:batch_id AS uuid), :limit)

-- file --
-- One live file.
SELECT f.* FROM files f WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id AND f.removed_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM datasets d WHERE d.dataset_id = f.dataset_id AND d.removed_at IS NOT NULL)

-- file_locked --
-- One live file, locked until this transaction ends.
SELECT f.* FROM files f WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id AND f.removed_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM datasets d WHERE d.dataset_id = f.dataset_id AND d.removed_at IS NOT NULL) FOR UPDATE

-- keep_multipart --
-- Stores the id of a file's multipart upload.
UPDATE files SET multipart_id = :multipart_id WHERE tenant_id = :tenant_id AND file_id = :file_id

-- uploads_of_batch --
-- Multipart uploads of cancelled files of a batch.
SELECT object_key, multipart_id FROM files
 WHERE tenant_id = :tenant_id AND batch_id = :batch_id AND removed_at IS NULL
   AND state = 'cancelled' AND multipart_id IS NOT NULL AND uploaded_at IS NULL
 ORDER BY file_id DESC LIMIT :limit

-- uploads_of_removal --
-- Multipart uploads of files of a removal.
SELECT object_key, multipart_id FROM files
 WHERE tenant_id = :tenant_id AND removal_id = :removal_id AND multipart_id IS NOT NULL AND uploaded_at IS NULL
 LIMIT :limit

-- count_erased --
-- Adds deleted objects and parts to the receipt of a removal.
UPDATE removals SET objects_erased = objects_erased + :objects_erased
 WHERE tenant_id = :tenant_id AND removal_id = :removal_id

-- files_by_id --
-- The live files with these ids.
SELECT * FROM files WHERE tenant_id = :tenant_id AND file_id = ANY (:file_ids) AND removed_at IS NULL

-- parts_of --
-- The live files that were taken from these.
SELECT file_id, archive_id, archive_place FROM files
 WHERE tenant_id = :tenant_id AND archive_id = ANY (:file_ids) AND removed_at IS NULL ORDER BY archive_id, archive_place

-- horizon --
-- The position at which a reader of changes begins: all transactions below it have ended.
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon

-- changes --
-- Changes after a position, up to the point before which no further change can appear.
SELECT file_id, removed, changed_xid, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
  FROM file_changes
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id
   AND (changed_xid, file_id) > (:after_xid, :after_id)
   AND changed_xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
 ORDER BY changed_xid, file_id LIMIT :limit

-- steps_of --
-- The steps of files, parts in order.
SELECT file_id, step, part, state, attempt, snoozes, reason, error_code, error_detail, page_numbers,
       started_at, ended_at, due_at, ready_at, cost_estimate_s
  FROM steps WHERE tenant_id = :tenant_id AND file_id = ANY (:file_ids) ORDER BY file_id, step, part

-- step_backlogs --
-- All lanes of each step together, and how fast they are served.
SELECT *, extract(epoch FROM clock_timestamp() - looked_at)::float8 AS age_s FROM step_outlooks

-- own_lanes --
-- The tenant's own lanes, with the marks of some batches.
SELECT step, batch_id, files, parts, cost_s, pass AS tenant_pass, weight AS tenant_weight, batch_pass, batch_weight,
       CASE WHEN batch_id = ANY (CAST(:batch_ids AS uuid[])) THEN marks_at ELSE '{}' END AS marks_at,
       CASE WHEN batch_id = ANY (CAST(:batch_ids AS uuid[])) THEN marks_files ELSE '{}' END AS marks_files,
       CASE WHEN batch_id = ANY (CAST(:batch_ids AS uuid[])) THEN marks_cost_s ELSE '{}' END AS marks_cost_s
  FROM lane_backlogs WHERE tenant_id = :tenant_id

-- artifacts_of --
-- The artifacts of files, without the pictures of pages.
SELECT * FROM artifacts WHERE tenant_id = :tenant_id AND file_id = ANY (:file_ids) AND NOT starts_with(kind, 'page_')

-- records_of --
-- The records of files.
SELECT * FROM records WHERE tenant_id = :tenant_id AND file_id = ANY (:file_ids)

-- history --
-- Every attempt of a file, oldest first.
SELECT a.step, a.part, a.attempt, a.started_at, a.ended_at, a.outcome, a.error_code, a.error_detail, a.cost_s, a.host, a.used
  FROM attempts a JOIN files f USING (file_id)
 WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id AND f.removed_at IS NULL
 ORDER BY a.started_at, a.step, a.part, a.attempt

-- records_page --
-- A page of a dataset's records, oldest first.
SELECT r.record_id, r.file_id, f.name AS file_name, r.schema_version, r.fields, r.missing, r.doubtful, r.notes, r.complete,
       r.further, r.found_by, r.remembered, r.lost, r.set_values, r.review
  FROM records r JOIN files f USING (file_id)
 WHERE r.tenant_id = :tenant_id AND r.dataset_id = :dataset_id AND f.removed_at IS NULL
   AND (CAST(:after AS uuid) IS NULL OR r.record_id > :after)
 ORDER BY r.record_id LIMIT :limit

-- remove_files --
-- Marks files as removed and cancels their steps; returns the removal's id and its number of files.
SELECT removal_id, file_count FROM remove_files(:tenant_id, :dataset_id, :file_ids, :batch_id, :undo_s)

-- removed_by --
-- The files that a removal has removed.
SELECT file_id FROM files WHERE tenant_id = :tenant_id AND removal_id = :removal_id

-- removal --
-- One removal.
SELECT removal_id, dataset_id, whole_dataset, file_count, created_at, erase_after, undone_at, erased_at, swept_at,
       objects_erased, rows_erased,
       (SELECT d.name FROM datasets d LEFT JOIN removals whole ON whole.removal_id = d.removal_id
         WHERE d.dataset_id = r.dataset_id AND whole.erased_at IS NULL) AS dataset_name,
       ARRAY(SELECT f.name FROM files f WHERE f.removal_id = r.removal_id LIMIT 3) AS file_names
  FROM removals r WHERE tenant_id = :tenant_id AND removal_id = :removal_id

-- undo_removal --
-- Restores the files of a removal; returns NULL if its undo window has closed.
SELECT undo_removal(:tenant_id, :removal_id) AS file_count

-- redrive --
-- Makes steps run again; returns false if one of them is running or queued, or an earlier step has not ended.
SELECT redrive_file(f.file_id, :steps, :earlier, :is_main, :forgotten_sources) AS redriven FROM files f
 WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id AND f.removed_at IS NULL

-- failed_files --
-- Failed files of a dataset, with the step that failed.
SELECT file_id, error_step FROM files
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND state = :state AND removed_at IS NULL
   AND (CAST(:code AS text) IS NULL OR error_code = :code)
 ORDER BY file_id LIMIT 1000

-- take_request --
-- Takes an idempotency key; returns no row if it was taken before. Waits for a transaction that is taking the same key.
INSERT INTO idempotency_keys (tenant_id, key, digest) VALUES (:tenant_id, :key, :digest)
ON CONFLICT (tenant_id, key) DO UPDATE SET digest = excluded.digest, status = NULL, body = NULL, created_at = now()
 WHERE idempotency_keys.created_at < now() - interval '24 hours'
RETURNING key

-- taken_request --
-- The request for which an idempotency key was used, and its stored response.
SELECT digest, status, body FROM idempotency_keys WHERE tenant_id = :tenant_id AND key = :key

-- keep_response --
-- Stores the response to a request, without its secrets.
UPDATE idempotency_keys SET status = :status, body = :body WHERE tenant_id = :tenant_id AND key = :key

-- create_tenant --
-- Creates a tenant; returns no row if the name is taken.
INSERT INTO tenants (name, weight, quota) VALUES (:name, :weight, :quota)
ON CONFLICT (name) DO NOTHING RETURNING tenant_id, name, weight, quota, import_sources, created_at

-- tenants --
-- A page of all tenants, newest first.
SELECT tenant_id, name, weight, quota, import_sources, created_at FROM tenants
 WHERE erased_at IS NULL AND (CAST(:after AS uuid) IS NULL OR tenant_id < :after) ORDER BY tenant_id DESC LIMIT :limit

-- change_tenant --
-- Changes a tenant's weight, quota and import sources, if their parameters are not NULL.
UPDATE tenants SET weight = coalesce(:weight, weight), quota = coalesce(:quota, quota),
                   import_sources = coalesce(CAST(:import_sources AS text[]), import_sources)
 WHERE tenant_id = :of_tenant_id RETURNING tenant_id, name, weight, quota, import_sources, created_at

-- quota --
-- The tenant's quotas.
SELECT quota FROM tenants WHERE tenant_id = :tenant_id

-- import_sources --
-- Where the tenant may import from.
SELECT import_sources FROM tenants WHERE tenant_id = :tenant_id

-- lock_quota --
-- Makes other requests of the tenant wait for this transaction before they check its quota.
SELECT pg_advisory_xact_lock(hashtextextended(CAST(:of_tenant_id AS text), 7))

-- quota_of --
-- The quotas of any tenant, for an admin.
SELECT quota FROM tenants WHERE tenant_id = :of_tenant_id

-- dataset_count --
-- The number of the tenant's datasets.
SELECT count(*) FROM datasets WHERE tenant_id = :tenant_id AND removed_at IS NULL

-- key_count --
-- The number of a tenant's keys that were not revoked, without those of sessions.
SELECT count(*) FROM api_keys WHERE tenant_id = :of_tenant_id AND revoked_at IS NULL AND expires_at IS NULL

-- open_batch_count --
-- The number of the tenant's batches with files that are not settled.
SELECT count(*) FROM (
    SELECT c.owner_id FROM (
        SELECT owner_id, files FROM file_counts
         WHERE tenant_id = :tenant_id AND state IN ('uploading', 'processing') AND files <> 0
        UNION ALL
        SELECT owner_id, delta FROM count_deltas
         WHERE tenant_id = :tenant_id AND state IN ('uploading', 'processing')) c
     GROUP BY 1 HAVING sum(c.files) > 0) o JOIN batches b ON b.batch_id = o.owner_id

-- tenant_use --
-- The amounts that count against the tenant's quotas: unsettled files, stored bytes, and files created today.
SELECT CASE WHEN state LIKE 'day:%' THEN 'day' ELSE state END AS state, sum(files)::bigint AS amount FROM (
    SELECT state, files FROM file_counts
     WHERE tenant_id = :tenant_id AND owner_id = :tenant_id AND state IN ('unsettled', 'bytes', day_of(now()))
    UNION ALL
    SELECT state, delta FROM count_deltas
     WHERE tenant_id = :tenant_id AND owner_id = :tenant_id AND state IN ('unsettled', 'bytes', day_of(now()))) c
 GROUP BY 1

-- create_key --
-- Creates a key of a tenant; returns no row if there is no such tenant.
INSERT INTO api_keys (tenant_id, key_hash, role)
SELECT tenant_id, decode(:key_hash, 'hex'), :role FROM tenants WHERE tenant_id = :of_tenant_id AND erasing_at IS NULL
RETURNING key_id, tenant_id, role, name, created_at, expires_at, revoked_at

-- keys_of --
-- A tenant's keys, newest first, without their hashes.
SELECT key_id, tenant_id, role, name, created_at, expires_at, revoked_at FROM api_keys
 WHERE tenant_id = :of_tenant_id ORDER BY key_id DESC LIMIT 1000

-- revoke_key --
-- Revokes a key permanently.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = :key_id
RETURNING key_id, tenant_id, role, name, created_at, expires_at, revoked_at

-- dead_letters --
-- Steps that were given up, newest first.
SELECT * FROM dead_letters(CAST(:of_tenant_id AS uuid), CAST(:side_steps AS text[]), CAST(:file_ids AS uuid[]),
                           CAST(:step AS text), CAST(:code AS text), CAST(:since AS timestamptz), CAST(:until AS timestamptz),
                           CAST(:after_at AS timestamptz), CAST(:after_file AS uuid), CAST(:after_step AS text), :limit)

-- audit_findings --
-- The broken rules of the audit, for one tenant or for all.
SELECT finding, count FROM audit_findings(CAST(:of_tenant_id AS uuid), CAST(:main_steps AS text[]), CAST(:side_artifacts AS jsonb))

-- audit_balance --
-- The number of accepted files against those that exist, without reading their steps.
SELECT * FROM audit_balance(CAST(:of_tenant_id AS uuid))

-- recorded_objects --
-- The objects in the rows of the first files of a tenant, or of all tenants.
SELECT file_id, tenant_id, name, kind, object_key, version_id, size_bytes, sha256
  FROM recorded_objects(CAST(:of_tenant_id AS uuid), '00000000-0000-0000-0000-000000000000', :limit)

-- last_audit --
-- The latest audit of a kind that upkeep has completed for the whole system.
SELECT * FROM last_audit(:kind)

-- audit --
-- The conservation check, for one tenant or for all.
SELECT * FROM audit(CAST(:of_tenant_id AS uuid), CAST(:main_steps AS text[]), CAST(:side_artifacts AS jsonb))

-- step_states --
-- The number of parts of each step in each state, for one tenant or for all.
SELECT * FROM step_states(CAST(:of_tenant_id AS uuid))

-- recent_attempts --
-- The outcomes and durations of each step's latest attempts.
SELECT * FROM recent_attempts(CAST(:of_tenant_id AS uuid), :within_s)

-- busy_lanes --
-- The lanes with the most work.
SELECT * FROM busy_lanes(CAST(:of_tenant_id AS uuid), :limit)

-- attempt_totals --
-- All attempts by step and outcome.
SELECT * FROM attempts_in_all(CAST(:of_tenant_id AS uuid))

-- live_slots --
-- How many live workers run each step, and how many parts of it at once together.
SELECT * FROM live_slots(:silent_s)

-- registered_workers --
-- The registered workers.
SELECT * FROM registered_workers(:silent_s)

-- request_system_job --
-- A new job of the whole system, or the open one of this kind.
INSERT INTO jobs (kind, parameters) VALUES (:kind, :parameters)
ON CONFLICT (kind) WHERE tenant_id IS NULL AND ended_at IS NULL DO UPDATE SET kind = excluded.kind
RETURNING job_id, kind, tenant_id, dataset_id, state, parameters, result, done, total, error, cancelling, created_at,
          started_at, ended_at

-- request_job --
-- A new job of a dataset; returns no row if the tenant has no such dataset.
INSERT INTO jobs (kind, tenant_id, dataset_id, parameters)
SELECT :kind, tenant_id, dataset_id, :parameters FROM datasets
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND removed_at IS NULL
RETURNING job_id, kind, tenant_id, dataset_id, state, parameters, result, done, total, error, cancelling, created_at,
          started_at, ended_at

-- name_of_tenant --
-- The name of a tenant that was not erased.
SELECT name FROM tenants WHERE tenant_id = :of_tenant_id AND erased_at IS NULL

-- request_tenant_job --
-- A new job for a tenant with its receipt; returns no row if there is no such tenant, it was erased, or one is open.
WITH of_tenant AS (
    SELECT tenant_id FROM tenants WHERE tenant_id = :of_tenant_id AND erased_at IS NULL FOR NO KEY UPDATE),
created AS (
    INSERT INTO jobs (kind, tenant_id, parameters)
    SELECT :kind, t.tenant_id, jsonb_build_object('exports', CAST(:exports AS boolean), 'erases', CAST(:erases AS boolean), 'holder_id', CAST(:tenant_id AS uuid))
      FROM of_tenant t WHERE NOT EXISTS (SELECT 1 FROM tenant_receipts r JOIN jobs j ON j.job_id = r.receipt_id
                                          WHERE r.tenant_id = t.tenant_id AND r.ended_at IS NULL AND j.ended_at IS NULL)
    RETURNING job_id, tenant_id),
given_up AS (
    UPDATE tenant_receipts r SET ended_at = now() FROM created c WHERE r.tenant_id = c.tenant_id AND r.ended_at IS NULL
    RETURNING r.receipt_id)
INSERT INTO tenant_receipts (receipt_id, tenant_id, holder_id, exports, erases, key_id)
SELECT job_id, tenant_id, :tenant_id, :exports, :erases, :key_id FROM created
 WHERE (SELECT count(*) FROM given_up) >= 0 -- first: only one receipt of a tenant may be open
RETURNING receipt_id

-- tenant_receipt --
-- The receipt of an export or erasure, with the state of its job while that is kept.
SELECT r.receipt_id, r.tenant_id, r.holder_id, r.exports, r.erases, r.exported, r.erased, r.verified, r.created_at, r.ended_at,
       r.export_deleted_at, j.state, j.error
  FROM tenant_receipts r LEFT JOIN jobs j ON j.job_id = r.receipt_id WHERE r.receipt_id = :receipt_id

-- job --
-- One job, of the tenant or of the whole system.
SELECT job_id, kind, tenant_id, dataset_id, state, parameters, result, done, total, error, cancelling, created_at, started_at,
       ended_at
  FROM jobs WHERE job_id = :job_id

-- jobs --
-- A page of jobs, newest first.
SELECT job_id, kind, tenant_id, dataset_id, state, parameters, result, done, total, error, cancelling, created_at, started_at,
       ended_at
  FROM jobs
 WHERE (CAST(:of_tenant_id AS uuid) IS NULL OR tenant_id = :of_tenant_id OR (:with_system AND tenant_id IS NULL))
   AND (CAST(:kind AS text) IS NULL OR kind = :kind)
   AND (CAST(:is_open AS boolean) IS NULL OR (ended_at IS NULL) = :is_open)
   AND (CAST(:after AS uuid) IS NULL OR job_id < :after)
 ORDER BY job_id DESC LIMIT :limit

-- cancel_job --
-- Cancels a job: at once if it waits, otherwise after its current slice.
UPDATE jobs SET cancelling = true, state = CASE WHEN state = 'waiting' THEN 'cancelled' ELSE state END,
                ended_at = CASE WHEN state = 'waiting' THEN clock_timestamp() END
 WHERE job_id = :job_id AND ended_at IS NULL
RETURNING job_id, kind, tenant_id, dataset_id, state, parameters, result, done, total, error, cancelling, created_at,
          started_at, ended_at

-- recent_jobs --
-- How many jobs of the tenant are open, and how many were requested within a day, each up to a limit.
SELECT count(*) FILTER (WHERE ended_at IS NULL) AS open, count(*) AS within_a_day FROM (
    SELECT ended_at FROM jobs
     WHERE tenant_id = :tenant_id AND (ended_at IS NULL OR created_at > now() - interval '1 day')
     ORDER BY tenant_id, job_id DESC LIMIT :limit) j

-- purges --
-- The receipts of purges of a dataset, newest first.
SELECT purge_id, job_id, kind, files, objects, removal_ids, created_at FROM purges
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND (CAST(:after AS uuid) IS NULL OR purge_id < :after)
 ORDER BY purge_id DESC LIMIT :limit

-- report_day --
-- When the report of a day was made; returns no row if it was not.
SELECT made_at FROM report_days WHERE day = CAST(:day AS date)

-- reports --
-- The figures of a day's report by dataset, of a tenant or of all.
SELECT tenant_id, dataset_id, tenant_name, dataset_name, figures FROM reports
 WHERE day = CAST(:day AS date) AND (CAST(:of_tenant_id AS uuid) IS NULL OR tenant_id = :of_tenant_id)
   AND (CAST(:after_tenant AS uuid) IS NULL OR (tenant_id, dataset_id) > (:after_tenant, CAST(:after_dataset AS uuid)))
 ORDER BY tenant_id, dataset_id LIMIT :limit

-- create_plan --
-- Creates a plan for a dataset; returns no row if the tenant has no such dataset.
INSERT INTO plans (tenant_id, dataset_id, from_step, schema, settings, chosen, sample)
SELECT tenant_id, dataset_id, :from_step, CAST(:schema AS json), :settings, :chosen, CAST(:sample AS integer) FROM datasets
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND removed_at IS NULL
RETURNING plan_id, dataset_id, state, from_step, schema, settings, chosen, sample, former_version, schema_version, found, outcome, shards,
       shards_done, created_at

-- plan --
-- One plan.
SELECT plan_id, dataset_id, state, from_step, schema, settings, chosen, sample, former_version, schema_version, found, outcome, shards,
       shards_done, created_at
  FROM plans WHERE tenant_id = :tenant_id AND plan_id = :plan_id

-- plan_locked --
-- One plan, locked until this transaction ends.
SELECT plan_id, dataset_id, state, from_step, schema, settings, chosen, sample, former_version, schema_version, found, outcome, shards,
       shards_done, created_at
  FROM plans WHERE tenant_id = :tenant_id AND plan_id = :plan_id FOR UPDATE

-- plans --
-- A page of a dataset's plans, newest first.
SELECT plan_id, dataset_id, state, from_step, schema, settings, chosen, sample, former_version, schema_version, found, outcome, shards,
       shards_done, created_at
  FROM plans
 WHERE tenant_id = :tenant_id AND dataset_id = :dataset_id AND (CAST(:after AS uuid) IS NULL OR plan_id < :after)
 ORDER BY plan_id DESC LIMIT :limit

-- change_plan --
-- Sets the state of a plan and the number of its shards.
UPDATE plans SET state = :state, shards = :shards WHERE tenant_id = :tenant_id AND plan_id = :plan_id RETURNING plan_id

-- plan_job --
-- The latest job of a shard of a plan that was not cancelled and has not failed.
SELECT job_id FROM jobs
 WHERE tenant_id = :tenant_id AND kind = :kind AND state NOT IN ('failed', 'cancelled') AND NOT cancelling
   AND parameters @> jsonb_build_object('plan_id', CAST(:plan_id AS text), 'shard', CAST(:shard AS integer))
 ORDER BY tenant_id, job_id DESC LIMIT 1

-- has_open_jobs --
-- Returns a row if a job of a plan is open.
SELECT job_id FROM jobs
 WHERE tenant_id = :tenant_id AND ended_at IS NULL
   AND parameters @> jsonb_build_object('plan_id', CAST(:plan_id AS text)) LIMIT 1
