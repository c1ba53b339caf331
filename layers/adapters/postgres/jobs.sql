-- claim_job --
-- Claims the next slice of the job that has waited longest; those of the whole system come first, because they are short.
UPDATE jobs j
   SET state = 'running', lease_id = gen_random_uuid(), due_at = clock_timestamp() + make_interval(secs => :lease_s),
       started_at = coalesce(j.started_at, clock_timestamp())
 WHERE j.job_id = (SELECT job_id FROM jobs
                    WHERE ended_at IS NULL AND due_at <= clock_timestamp() AND kind = ANY (CAST(:kinds AS text[]))
                    ORDER BY tenant_id IS NOT NULL, due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING job_id, kind, lease_id, tenant_id, dataset_id, parameters, position, result, done, total, failures, cancelling

-- end_slice --
-- Saves what a slice did, if its lease is still the last one; the job is due again, or has ended.
UPDATE jobs SET lease_id = NULL, failures = 0, error = NULL, position = :position, result = :result, done = :done,
                total = :total, due_at = clock_timestamp() + make_interval(secs => :delay_s),
                state = CASE WHEN :ended THEN 'done' ELSE state END,
                ended_at = CASE WHEN :ended THEN clock_timestamp() END
 WHERE job_id = :job_id AND lease_id = :lease_id

-- retry_slice --
-- Makes a slice due again after a delay.
UPDATE jobs SET lease_id = NULL, due_at = clock_timestamp() + make_interval(secs => :delay_s),
                failures = failures + CAST(:failures AS integer), error = :error
 WHERE job_id = :job_id AND lease_id = :lease_id

-- end_job --
-- Ends a job that has failed or was cancelled.
UPDATE jobs SET lease_id = NULL, state = :state, error = :error, ended_at = clock_timestamp()
 WHERE job_id = :job_id AND lease_id = :lease_id

-- start_job --
-- Requests a job of the whole system, unless one of this kind is open.
INSERT INTO jobs (kind, parameters) VALUES (:kind, :parameters)
ON CONFLICT (kind) WHERE tenant_id IS NULL AND ended_at IS NULL DO NOTHING

-- start_due_job --
-- Requests a scheduled job, unless that was done since it became due, or one of this kind is open.
WITH taken AS (
    INSERT INTO duties AS d (duty, taken_at) VALUES (:duty, clock_timestamp())
    ON CONFLICT (duty) DO UPDATE SET taken_at = clock_timestamp() WHERE d.taken_at < :due_at
    RETURNING duty),
started AS (
    INSERT INTO jobs (kind, parameters) SELECT :kind, :parameters FROM taken
    ON CONFLICT (kind) WHERE tenant_id IS NULL AND ended_at IS NULL DO NOTHING)
SELECT duty FROM taken

-- forget_jobs --
-- Deletes jobs that ended long ago, the oldest first.
DELETE FROM jobs j
 USING (SELECT job_id FROM jobs
         WHERE ended_at < now() - interval '1 day'
           AND (kind = ANY (CAST(:kinds AS text[])) OR ended_at < now() - interval '30 days')
         ORDER BY ended_at LIMIT 10000 FOR UPDATE SKIP LOCKED) old
 WHERE j.job_id = old.job_id

-- next_retention --
-- The next dataset that has a retention.
SELECT dataset_id, retention FROM datasets WHERE retention <> '{}' AND (CAST(:after AS uuid) IS NULL OR dataset_id > :after)
 ORDER BY dataset_id LIMIT 1

-- retention_of --
-- The retention of a dataset.
SELECT retention FROM datasets WHERE dataset_id = :dataset_id

-- drop_old_mark --
-- Drops the mark of a dataset after 30 days, so that the next purge examines all files.
DELETE FROM purge_marks WHERE dataset_id = :dataset_id AND kind = :kind AND begun_at < now() - interval '30 days'

-- purge_mark --
-- The file after which the next purge of a dataset begins.
SELECT reached FROM purge_marks WHERE dataset_id = :dataset_id AND kind = :kind

-- purge_files --
-- Purges the next files of a dataset and updates the receipt; returns what has to be deleted from the bucket.
SELECT tenant_id, file_ids, object_keys, seen, unsettled, reached
  FROM purge_files(:job_id, :dataset_id, :kind, CAST(:after AS uuid), CAST(:before AS uuid), :limit)

-- count_purged --
-- Adds deleted objects to the receipt of a purge.
UPDATE purges SET objects = objects + :objects WHERE job_id = :job_id AND dataset_id = :dataset_id AND kind = :kind

-- purged --
-- What a purge has erased so far, of all datasets.
SELECT kind, sum(files)::bigint AS files, sum(objects)::bigint AS objects FROM purges WHERE job_id = :job_id GROUP BY kind

-- make_report --
-- Makes the report of a day; returns the number of datasets.
SELECT make_report(CAST(:day AS date), CAST(:first_id AS uuid), CAST(:until AS uuid), :kept_days) AS datasets

-- import_file --
-- Creates the file of an imported object, unless the dataset has its content; returns where the object is to be stored.
SELECT verdict, object_key FROM import_file(:batch_id, :source_key, :name, :size_bytes, :sha256, :upload_s)

-- keep_in_place --
-- Lets the original of an imported file stay where it is.
UPDATE files SET object_key = :object_key
 WHERE batch_id = :batch_id AND source_key = :source_key AND state IN ('uploading', 'upload_missing')

-- room_of --
-- How many more files and bytes a tenant may have now; NULL where it has no limit.
SELECT files, bytes FROM room_of(CAST(:tenant_id AS uuid))

-- import_sources_of --
-- Where a tenant may import from.
SELECT import_sources FROM tenants WHERE tenant_id = CAST(:tenant_id AS uuid)

-- planned --
-- A plan, as a worker needs it.
SELECT plan_id, tenant_id, dataset_id, state, from_step, schema, settings, chosen, sample, found, outcome, shards FROM plans
 WHERE plan_id = :plan_id

-- chosen_files --
-- The next files that a plan chooses.
SELECT file_id FROM chosen_files(:dataset_id, :chosen, CAST(:after AS uuid), :shard, :shards, :limit)

-- count_chosen --
-- How many files a plan chooses.
SELECT count(*) AS files FROM chosen_files(:dataset_id, :chosen, '00000000-0000-0000-0000-000000000000', 0, 1, NULL)

-- id_range --
-- The first and the last id of a dataset's files.
SELECT (SELECT file_id FROM files WHERE dataset_id = :dataset_id AND removed_at IS NULL ORDER BY file_id LIMIT 1) AS first,
       (SELECT file_id FROM files WHERE dataset_id = :dataset_id AND removed_at IS NULL ORDER BY file_id DESC LIMIT 1) AS last

-- found_in_record --
-- What extraction has found in a file.
SELECT fields, doubtful, jsonb_array_length(further) AS further FROM records WHERE file_id = :file_id

-- step_costs --
-- The mean time of an attempt at each step of a tenant's files, in seconds.
SELECT step, sum(cost_s) / nullif(sum(attempts), 0) AS cost_s FROM attempt_totals
 WHERE tenant_id = :tenant_id AND outcome = 'done' GROUP BY step

-- save_dry_run --
-- Saves what the dry run of a plan has found so far.
UPDATE plans SET found = :found, state = CASE WHEN :ended AND state = 'planning' THEN 'planned' ELSE state END
 WHERE plan_id = :plan_id

-- apply_schema --
-- Gives the dataset of a plan its schema and settings, once.
SELECT apply_schema(:plan_id)

-- process_again --
-- Makes a file run again for a plan.
SELECT process_again(:plan_id, :shard, :file_id, :steps, :earlier, :forgotten_sources) AS verdict

-- ended_plan_files --
-- The files of a plan whose processing has ended and that are not counted yet, with what was found in them before and now.
SELECT p.file_id, p.former #> '{record,fields}' AS former_fields, p.former #> '{record,doubtful}' AS former_doubtful,
       jsonb_array_length(p.former #> '{record,further}') AS former_further,
       r.fields, r.doubtful, jsonb_array_length(r.further) AS further, f.state = 'failed' AS failed
  FROM plan_files p JOIN files f USING (file_id) LEFT JOIN records r USING (file_id)
 WHERE p.plan_id = :plan_id AND p.shard = :shard AND p.state = 'applying'
   AND (f.state NOT IN ('processing', 'uploading') OR f.removed_at IS NOT NULL)
 ORDER BY p.file_id LIMIT :limit

-- count_as_applied --
-- Counts files of a plan as applied.
UPDATE plan_files SET state = 'applied'
 WHERE plan_id = :plan_id AND file_id = ANY (CAST(:file_ids AS uuid[])) AND state = 'applying'

-- count_applying --
-- How many files of a shard are being processed.
SELECT count(*) AS files FROM plan_files WHERE plan_id = :plan_id AND shard = :shard AND state = 'applying'

-- save_outcome --
-- Saves what has changed so far; the plan is applied once all its shards are.
UPDATE plans SET outcome = jsonb_set(outcome, ARRAY[:shard_name], :so_far),
                 shards_done = CASE WHEN :ended AND NOT :shard = ANY (shards_done) THEN shards_done || CAST(:shard AS integer)
                                    ELSE shards_done END,
                 state = CASE WHEN :ended AND state = 'applying'
                               AND cardinality(shards_done) + (NOT :shard = ANY (shards_done))::integer >= shards
                              THEN 'applied' ELSE state END
 WHERE plan_id = :plan_id

-- restore_records --
-- Restores the former records of the next files of a plan.
SELECT restored, busy FROM restore_records(:plan_id, :limit)

-- restore_schema --
-- Gives the dataset of a plan its former schema and settings back, and ends the rollback.
SELECT restore_schema(:plan_id)
