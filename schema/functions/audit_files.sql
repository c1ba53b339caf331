-- Compares the counters of each batch with its files. Returns a row for each kind of finding; none if all is consistent.
CREATE OR REPLACE FUNCTION audit_batches(p_tenant_id uuid) RETURNS TABLE (finding text, count bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH counted AS (
        SELECT c.owner_id, c.state, sum(c.files) AS files
          FROM (SELECT owner_id, state, tenant_id, files FROM file_counts
                UNION ALL SELECT owner_id, state, tenant_id, delta FROM count_deltas) c
          JOIN batches b ON b.batch_id = c.owner_id
         WHERE p_tenant_id IS NULL OR c.tenant_id = p_tenant_id
         GROUP BY 1, 2),
    here AS (
        SELECT f.batch_id AS owner_id, CASE WHEN f.removed_at IS NULL THEN f.state ELSE 'removed' END AS state, count(*) AS files
          FROM files f WHERE p_tenant_id IS NULL OR f.tenant_id = p_tenant_id GROUP BY 1, 2)
    SELECT 'batch_counts_wrong', count(*) FROM counted c FULL JOIN here h USING (owner_id, state)
     WHERE coalesce(c.files, 0) <> coalesce(h.files, 0) HAVING count(*) > 0
$$;
ALTER FUNCTION audit_batches(uuid) OWNER TO fairway_worker;

-- Compares files, from after one id up to another, with their steps, attempts, artifacts and records. Returns a row for
-- each kind of finding, with its count; none if all is consistent.
--   p_main_steps      the steps that determine the state of a file
--   p_side_artifacts  {"preview": ["preview"], ...}: the artifacts that exist when a step of another pipeline is done
-- `lost`: files in processing without a step that can still run. `doubled`: parts that ended as done more often than once
-- plus once for each redrive.
-- Nested loops are off: right after a large upload, the statistics still show few rows, and a nested loop over two lists of
-- ten thousand rows takes a minute.
CREATE OR REPLACE FUNCTION audit_files(
    p_tenant_id uuid, p_after uuid, p_until uuid, p_main_steps text[], p_side_artifacts jsonb)
RETURNS TABLE (finding text, count bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_nestloop = off AS $$
    WITH chosen AS MATERIALIZED (
        SELECT * FROM files f
         WHERE f.file_id > p_after AND f.file_id <= p_until AND (p_tenant_id IS NULL OR f.tenant_id = p_tenant_id)),
    their_steps AS MATERIALIZED (
        SELECT s.file_id, s.step, s.part, s.state, s.attempt, s.redrives,
               s.state = 'running' AND s.lease_expires_at < clock_timestamp() - interval '15 minutes'
               OR s.state = 'queued' AND s.queued_at < clock_timestamp() - interval '15 minutes'
               OR s.state IN ('retrying', 'parked') AND s.due_at < clock_timestamp() - interval '15 minutes' AS is_overdue
          FROM steps s
         WHERE s.file_id > p_after AND s.file_id <= p_until AND (p_tenant_id IS NULL OR s.tenant_id = p_tenant_id)),
    ledger AS MATERIALIZED (
        SELECT a.file_id, a.step, a.part, count(*) AS attempts, count(*) FILTER (WHERE a.outcome = 'done') AS done
          FROM attempts a
         WHERE a.file_id > p_after AND a.file_id <= p_until AND (p_tenant_id IS NULL OR a.tenant_id = p_tenant_id)
         GROUP BY 1, 2, 3),
    left_over AS MATERIALIZED (
        SELECT s.file_id,
               bool_or(s.step = ANY (p_main_steps)) AS is_main,
               bool_or(s.state <> 'waiting') AS moves, bool_or(s.state <> 'running') AS is_not_held
          FROM their_steps s WHERE s.state NOT IN ('done', 'skipped', 'failed', 'cancelled') GROUP BY 1)
    SELECT found.finding, found.count FROM (
        SELECT 'settled_files_without_record', count(*) FROM chosen f
         WHERE f.state IN ('done', 'partial') AND f.removed_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM records r
                            WHERE r.file_id = f.file_id AND r.file_id > p_after AND r.file_id <= p_until)
        UNION ALL
        SELECT 'settled_files_with_work_left', count(*) FROM chosen f JOIN left_over l USING (file_id)
         WHERE f.state IN ('done', 'partial', 'failed') AND f.removed_at IS NULL AND l.is_main
        UNION ALL
        SELECT 'files_that_failed_without_reason', count(*) FROM chosen f
         WHERE f.state = 'failed' AND f.error_code IS NULL
        UNION ALL
        SELECT 'removed_files_at_work', count(*) FROM chosen f JOIN left_over l USING (file_id)
         WHERE f.removed_at IS NOT NULL AND l.is_not_held
        UNION ALL
        SELECT 'attempts_not_in_the_ledger', count(*) FROM their_steps s LEFT JOIN ledger l USING (file_id, step, part)
         WHERE s.attempt <> (s.state = 'running')::integer + coalesce(l.attempts, 0)
        UNION ALL
        SELECT 'steps_long_overdue', count(*) FROM their_steps s WHERE s.is_overdue
        UNION ALL
        SELECT 'artifacts_missing', count(*) FROM their_steps s JOIN chosen f USING (file_id)
          JOIN (SELECT key AS step, jsonb_array_elements_text(value) AS kind FROM jsonb_each(p_side_artifacts)) m USING (step)
         WHERE s.state = 'done' AND f.removed_at IS NULL AND f.original_erased_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.file_id = s.file_id AND a.kind = m.kind
                              AND a.file_id > p_after AND a.file_id <= p_until)
        UNION ALL
        SELECT 'artifacts_of_another_file', count(*) FROM artifacts a JOIN chosen f USING (file_id)
         WHERE a.file_id > p_after AND a.file_id <= p_until AND a.object_key <> f.object_key
           AND NOT starts_with(a.object_key, 'artifacts/' || f.tenant_id || '/' || f.file_id || '/')
        UNION ALL
        SELECT 'lost', count(*) FROM chosen f LEFT JOIN left_over l USING (file_id)
         WHERE f.state = 'processing' AND f.removed_at IS NULL AND l.moves IS NOT TRUE
        UNION ALL
        SELECT 'doubled', coalesce(sum(l.done - 1 - s.redrives), 0)::bigint FROM ledger l JOIN their_steps s USING (file_id, step, part)
         WHERE l.done - 1 > s.redrives
    ) found(finding, count) WHERE found.count > 0
$$;
ALTER FUNCTION audit_files(uuid, uuid, uuid, text[], jsonb) OWNER TO fairway_worker;
