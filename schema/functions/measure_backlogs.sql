-- Measures the backlog of every lane and how fast each step is served. Returns the number of waiting parts, or NULL without
-- measuring while another session measures, less than p_least_s seconds after the last measurement, or so soon after it
-- that measuring would take more than a twentieth of the time. p_first_step is the first step of every file.
--
-- Backlogs are read from the index of ready parts only, grouped by lane and second. The marks along a lane are sums over
-- stretches of these seconds, so that no part needs to be ranked.
CREATE OR REPLACE FUNCTION measure_backlogs(p_slice_s double precision, p_least_s double precision, p_first_step text)
RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    rests_for CONSTANT double precision := 20;
    most_stretches CONSTANT double precision := 16;
    began CONSTANT timestamptz := clock_timestamp();
    last backlog_looks%ROWTYPE;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT * INTO last FROM backlog_looks;
    IF began < last.looked_at + make_interval(secs => greatest(p_least_s, rests_for * last.took_s))
       OR NOT pg_try_advisory_xact_lock(hashtextextended('measure_backlogs', 8)) THEN
        RETURN NULL;
    END IF;
    DELETE FROM lane_backlogs;
    INSERT INTO lane_backlogs (step, tenant_id, batch_id, files, parts, cost_s, oldest_ready_at, marks_at, marks_files,
                               marks_cost_s, pass, weight, batch_pass, batch_weight)
    WITH seconds AS (
        SELECT s.step, s.tenant_id, s.batch_id, date_bin('1 second', s.ready_at, '2000-01-01 00:00:00+00') AS second,
               min(s.ready_at) AS first, max(s.ready_at) AS last, count(*) AS parts,
               count(*) FILTER (WHERE s.part = 0) AS files, sum(least(s.cost_estimate_s, p_slice_s)) AS cost_s
          FROM steps s WHERE s.state = 'ready' GROUP BY 1, 2, 3, 4),
    along AS (
        SELECT d.*, row_number() OVER w - 1 AS place, count(*) OVER (PARTITION BY d.step, d.tenant_id, d.batch_id) AS seconds
          FROM seconds d WINDOW w AS (PARTITION BY d.step, d.tenant_id, d.batch_id ORDER BY d.second)),
    stretch AS (
        SELECT a.step, a.tenant_id, a.batch_id, min(a.first) AS first, max(a.last) AS last, sum(a.parts) AS parts,
               sum(a.files) AS files, sum(a.cost_s) AS cost_s
          FROM along a GROUP BY 1, 2, 3, a.place / ceil(a.seconds / most_stretches)::integer),
    summed AS (
        SELECT t.*, sum(t.files) OVER w - t.files AS files_before, sum(t.cost_s) OVER w - t.cost_s AS cost_before_s
          FROM stretch t WINDOW w AS (PARTITION BY t.step, t.tenant_id, t.batch_id ORDER BY t.first)),
    -- Two marks a stretch: at its first part and at its last.
    mark AS (
        SELECT u.*, m.at, m.files_there, m.cost_there_s, m.is_last
          FROM summed u, LATERAL (VALUES
               (u.first, u.files_before, u.cost_before_s, false),
               (u.last, u.files_before + greatest(u.files - 1, 0), u.cost_before_s + u.cost_s * (u.parts - 1) / u.parts, true)
               ) AS m(at, files_there, cost_there_s, is_last)),
    lane AS (
        SELECT k.step, k.tenant_id, k.batch_id, sum(k.files) FILTER (WHERE k.is_last) AS files,
               sum(k.parts) FILTER (WHERE k.is_last) AS parts, sum(k.cost_s) FILTER (WHERE k.is_last) AS cost_s,
               min(k.first) AS oldest, array_agg(k.at ORDER BY k.first, k.is_last) AS marks_at,
               array_agg(k.files_there::integer ORDER BY k.first, k.is_last) AS marks_files,
               array_agg(k.cost_there_s ORDER BY k.first, k.is_last) AS marks_cost_s
          FROM mark k GROUP BY 1, 2, 3)
    SELECT n.step, n.tenant_id, n.batch_id, n.files, n.parts, n.cost_s, n.oldest, n.marks_at, n.marks_files,
           n.marks_cost_s, coalesce(l.pass, 0), t.weight, coalesce(b.pass, 0), coalesce(b.weight, 1)
      FROM lane n JOIN tenants t USING (tenant_id)
      LEFT JOIN lanes l USING (step, tenant_id)
      LEFT JOIN batch_lanes b USING (step, tenant_id, batch_id);

    INSERT INTO step_samples (step, sampled_at, taken, taken_s, waited)
    SELECT c.step, began, c.taken, c.taken_s, EXISTS (SELECT 1 FROM lane_backlogs n WHERE n.step = c.step)
      FROM lane_clocks c ON CONFLICT DO NOTHING;
    DELETE FROM step_samples WHERE sampled_at < began - interval '15 minutes';
    PERFORM sum_up_backlogs(began, p_first_step);
    UPDATE backlog_looks SET looked_at = began, took_s = extract(epoch FROM clock_timestamp() - began);
    RETURN (SELECT coalesce(sum(parts), 0) FROM lane_backlogs);
END $$;

-- Estimated seconds of a step that were dispatched per second while its backlog was not empty: `on_the_whole` over the last
-- such period, of at most five minutes; `low` and `high` over its slowest and its fastest part.
-- `parts_a_s`: parts that were dispatched per second.
CREATE OR REPLACE FUNCTION served(p_step text, p_until timestamptz)
RETURNS TABLE (low double precision, on_the_whole double precision, high double precision, parts_a_s double precision)
LANGUAGE sql STABLE AS $$
    WITH sample AS (
        SELECT s.*, s.sampled_at - lag(s.sampled_at) OVER (ORDER BY s.sampled_at) > interval '45 seconds' AS after_a_gap
          FROM step_samples s WHERE s.step = p_step AND s.sampled_at > p_until - interval '5 minutes'),
    stretch AS (
        SELECT s.* FROM sample s
         WHERE s.sampled_at > coalesce((SELECT max(n.sampled_at) FROM sample n WHERE NOT n.waited), '-infinity')
           AND s.sampled_at >= coalesce((SELECT max(n.sampled_at) FROM sample n WHERE n.after_a_gap), '-infinity')),
    spans AS (
        SELECT extract(epoch FROM max(sampled_at) - min(sampled_at))::float8 AS seconds, max(taken_s) - min(taken_s) AS cost_s,
               max(taken) - min(taken) AS parts, extract(epoch FROM p_until - min(sampled_at)) AS reaches
          FROM stretch
        UNION ALL
        SELECT extract(epoch FROM p_until - s.sampled_at)::float8, l.taken_s - s.taken_s, l.taken - s.taken, NULL
          FROM (SELECT * FROM stretch ORDER BY sampled_at DESC LIMIT 1) l, stretch s
         WHERE s.sampled_at BETWEEN p_until - interval '60 seconds' AND p_until - interval '10 seconds')
    SELECT min(cost_s / seconds) FILTER (WHERE cost_s > 0), max(cost_s / seconds) FILTER (WHERE reaches IS NOT NULL),
           max(cost_s / seconds), max(parts / seconds) FILTER (WHERE reaches IS NOT NULL)
      FROM spans WHERE seconds >= 4
$$;

-- How long the attempts of each step took in the last two minutes: the 10th, 50th and 90th percentile.
CREATE OR REPLACE FUNCTION run_times(p_until timestamptz) RETURNS TABLE (step text, run_s double precision[])
LANGUAGE sql STABLE AS $$
    SELECT a.step, percentile_cont(ARRAY[0.1, 0.5, 0.9]::float8[]) WITHIN GROUP (ORDER BY a.cost_s)
      FROM attempts a WHERE a.ended_at > p_until - interval '2 minutes' AND a.outcome = 'done' GROUP BY 1
$$;

-- Adds up the backlogs of all tenants for each step.
CREATE OR REPLACE FUNCTION sum_up_backlogs(p_looked_at timestamptz, p_first_step text) RETURNS void
LANGUAGE sql VOLATILE AS $$
    DELETE FROM step_outlooks;
    INSERT INTO step_outlooks (step, looked_at, files, parts, cost_s, oldest_ready_at, curve_pass, curve_cost_s,
                               served_low, served, served_high, parts_a_s, cost_a_file_s, run_low_s, run_s, run_high_s)
    WITH tenant AS (
        SELECT n.step, n.tenant_id, n.pass, n.weight, sum(n.cost_s) AS cost_s FROM lane_backlogs n GROUP BY 1, 2, 3, 4),
    -- While the dispatch order advances by one pass, a lane gets `weight` seconds, starting at its own pass, until its
    -- backlog is empty.
    turns AS (
        SELECT step, at, sum(slope) AS slope FROM (
            SELECT step, pass AS at, weight AS slope FROM tenant
            UNION ALL SELECT step, pass + cost_s / weight, -weight FROM tenant) e GROUP BY 1, 2),
    sloped AS (
        SELECT step, at, sum(slope) OVER w AS slope, at - lag(at) OVER w AS since_last
          FROM turns WINDOW w AS (PARTITION BY step ORDER BY at)),
    served_until AS (
        SELECT step, at, sum(grown) OVER (PARTITION BY step ORDER BY at) AS cost_s FROM (
            SELECT step, at, coalesce(since_last * lag(slope) OVER (PARTITION BY step ORDER BY at), 0) AS grown
              FROM sloped) g),
    curve AS (
        SELECT step, array_agg(at ORDER BY at) AS pass, array_agg(cost_s ORDER BY at) AS cost_s FROM served_until GROUP BY 1),
    total AS (
        SELECT step, sum(files) AS files, sum(parts) AS parts, sum(cost_s) AS cost_s, min(oldest_ready_at) AS oldest
          FROM lane_backlogs GROUP BY 1)
    SELECT c.step, p_looked_at, coalesce(t.files, 0), coalesce(t.parts, 0), coalesce(t.cost_s, 0), t.oldest,
           coalesce(v.pass, '{}'), coalesce(v.cost_s, '{}'), r.low, r.on_the_whole, r.high, r.parts_a_s,
           i.cost_a_file_s, d.run_s[1], d.run_s[2], d.run_s[3]
      FROM (SELECT step FROM lane_clocks UNION SELECT step FROM total) c
      LEFT JOIN total t USING (step) LEFT JOIN curve v USING (step)
      LEFT JOIN LATERAL served(c.step, p_looked_at) r ON true
      LEFT JOIN LATERAL (
           SELECT (max(s.taken_s) - min(s.taken_s)) / nullif((
                  SELECT max(f.taken) - min(f.taken) FROM step_samples f WHERE f.step = p_first_step), 0) AS cost_a_file_s
             FROM step_samples s WHERE s.step = c.step) i ON true
      LEFT JOIN run_times(p_looked_at) d ON d.step = c.step
$$;
