-- Makes the report of a day: figures of the files with ids from p_from up to p_until, by dataset. The ids of all files of a day
-- are one range of each primary key, so no other file is read. Returns the number of datasets.
-- Reports older than p_kept_days are deleted.
CREATE OR REPLACE FUNCTION make_report(p_day date, p_from uuid, p_until uuid, p_kept_days integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SET enable_nestloop = off AS $$
DECLARE
    made integer;
BEGIN
    DELETE FROM report_days r WHERE r.day = p_day OR r.day < current_date - p_kept_days;
    INSERT INTO report_days (day, made_at) VALUES (p_day, clock_timestamp());
    INSERT INTO reports (day, tenant_id, dataset_id, tenant_name, dataset_name, figures)
    WITH created AS MATERIALIZED (
        SELECT f.file_id, f.dataset_id, f.state, f.size_bytes, f.page_count, f.error_code FROM files f
         WHERE f.file_id >= p_from AND f.file_id < p_until AND f.removed_at IS NULL),
    tried AS MATERIALIZED (
        SELECT c.dataset_id, a.step, a.outcome, a.error_code, a.cost_s, a.used,
               extract(epoch FROM a.ended_at - a.started_at) AS duration_s
          FROM attempts a JOIN created c USING (file_id) WHERE a.file_id >= p_from AND a.file_id < p_until),
    of_files AS (
        SELECT c.dataset_id, count(*) AS files, coalesce(sum(c.size_bytes), 0) AS size_bytes,
               coalesce(sum(c.page_count), 0) AS pages FROM created c GROUP BY 1),
    of_states AS (
        SELECT s.dataset_id, jsonb_object_agg(s.state, s.files) AS by_state
          FROM (SELECT c.dataset_id, c.state, count(*) AS files FROM created c GROUP BY 1, 2) s GROUP BY 1),
    of_failures AS (
        SELECT s.dataset_id, jsonb_object_agg(s.error_code, s.files) AS failed_files
          FROM (SELECT c.dataset_id, c.error_code, count(*) AS files FROM created c
                 WHERE c.error_code IS NOT NULL GROUP BY 1, 2) s GROUP BY 1),
    of_records AS (
        SELECT c.dataset_id, count(*) AS records, count(*) FILTER (WHERE r.complete) AS complete
          FROM records r JOIN created c USING (file_id) WHERE r.file_id >= p_from AND r.file_id < p_until GROUP BY 1),
    of_steps AS (
        SELECT s.dataset_id, sum(s.cost_s) AS cost_s, sum(s.attempts) AS attempts, sum(s.failed) AS failed,
               jsonb_object_agg(s.step, jsonb_build_object(
                   'attempts', s.attempts, 'failed', s.failed, 'cost_s', round(s.cost_s::numeric, 3),
                   'p50_s', round(s.p50_s::numeric, 3), 'p95_s', round(s.p95_s::numeric, 3))) AS steps
          FROM (SELECT t.dataset_id, t.step, count(*) AS attempts, sum(t.cost_s) AS cost_s,
                       count(*) FILTER (WHERE t.outcome IN ('failed', 'retried', 'lost')) AS failed,
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.duration_s) AS p50_s,
                       percentile_cont(0.95) WITHIN GROUP (ORDER BY t.duration_s) AS p95_s
                  FROM tried t GROUP BY 1, 2) s GROUP BY 1),
    of_errors AS (
        SELECT s.dataset_id, jsonb_object_agg(s.error_code, s.attempts) AS errors
          FROM (SELECT t.dataset_id, t.error_code, count(*) AS attempts FROM tried t
                 WHERE t.error_code IS NOT NULL GROUP BY 1, 2) s GROUP BY 1),
    of_services AS (
        SELECT s.dataset_id, jsonb_object_agg(s.key, s.amount) AS used
          FROM (SELECT t.dataset_id, u.key, sum(u.value::numeric) AS amount
                  FROM tried t, jsonb_each_text(t.used) u GROUP BY 1, 2) s GROUP BY 1)
    SELECT p_day, d.tenant_id, d.dataset_id, n.name, d.name,
           jsonb_build_object(
               'files', f.files, 'by_state', s.by_state, 'size_bytes', f.size_bytes, 'pages', f.pages,
               'records', coalesce(r.records, 0), 'complete_records', coalesce(r.complete, 0),
               'failed_files', coalesce(x.failed_files, '{}'), 'attempts', coalesce(t.attempts, 0),
               'failed_attempts', coalesce(t.failed, 0), 'errors', coalesce(e.errors, '{}'),
               'steps', coalesce(t.steps, '{}'), 'cost_s', round(coalesce(t.cost_s, 0)::numeric, 3),
               'used', coalesce(u.used, '{}'))
      FROM of_files f JOIN datasets d USING (dataset_id) JOIN tenants n USING (tenant_id)
      LEFT JOIN of_states s USING (dataset_id) LEFT JOIN of_failures x USING (dataset_id)
      LEFT JOIN of_records r USING (dataset_id) LEFT JOIN of_steps t USING (dataset_id)
      LEFT JOIN of_errors e USING (dataset_id) LEFT JOIN of_services u USING (dataset_id);
    GET DIAGNOSTICS made = ROW_COUNT;
    RETURN made;
END $$;
