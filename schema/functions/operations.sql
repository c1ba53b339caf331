-- Operations show one tenant or, if p_tenant_id is NULL, all. A caller without the system role sees only its own tenant.
CREATE OR REPLACE FUNCTION seen_tenant(p_tenant_id uuid) RETURNS uuid
LANGUAGE sql STABLE AS $$ SELECT CASE WHEN is_system() THEN p_tenant_id ELSE current_tenant() END $$;

-- How many parts of each step are in each state. Ready parts are as of the last measurement of backlogs; the others are
-- counted in indexes with nothing else in them.
CREATE OR REPLACE FUNCTION step_states(p_tenant_id uuid)
RETURNS TABLE (step text, state text, parts bigint, oldest_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    of_tenant uuid := seen_tenant(p_tenant_id);
BEGIN
    RETURN QUERY
    SELECT n.step, 'ready', sum(n.parts)::bigint, min(n.oldest_ready_at) FROM lane_backlogs n
     WHERE of_tenant IS NULL OR n.tenant_id = of_tenant GROUP BY 1
    UNION ALL
    SELECT s.step, s.state, count(*), min(s.queued_at) FROM steps s
     WHERE s.state IN ('queued', 'running') AND (of_tenant IS NULL OR s.tenant_id = of_tenant) GROUP BY 1, 2
    UNION ALL
    SELECT s.step, 'parked', count(*), min(s.due_at) FROM steps s
     WHERE s.state = 'parked' AND (of_tenant IS NULL OR s.tenant_id = of_tenant) GROUP BY 1
    UNION ALL
    SELECT s.step, s.state, count(*), min(s.due_at) FROM steps s
     WHERE s.state IN ('retrying', 'parked') AND s.state = 'retrying' AND (of_tenant IS NULL OR s.tenant_id = of_tenant) GROUP BY 1, 2;
END $$;
ALTER FUNCTION step_states(uuid) OWNER TO fairway_worker;

-- The attempts of each step in the last p_within_s seconds: their number by outcome, and the duration of the done ones.
CREATE OR REPLACE FUNCTION recent_attempts(p_tenant_id uuid, p_within_s double precision)
RETURNS TABLE (step text, done bigint, failed bigint, retried bigint, ended bigint, p50_s double precision, p95_s double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    of_tenant uuid := seen_tenant(p_tenant_id);
    since CONSTANT timestamptz := clock_timestamp() - make_interval(secs => p_within_s);
BEGIN
    RETURN QUERY
    SELECT a.step, count(*) FILTER (WHERE a.outcome = 'done'), count(*) FILTER (WHERE a.outcome = 'failed'),
           count(*) FILTER (WHERE a.outcome IN ('retried', 'lost')), count(*),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY a.cost_s) FILTER (WHERE a.outcome = 'done'),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY a.cost_s) FILTER (WHERE a.outcome = 'done')
      FROM attempts a
     WHERE a.ended_at > since AND (of_tenant IS NULL OR a.tenant_id = of_tenant)
     GROUP BY 1;
END $$;
ALTER FUNCTION recent_attempts(uuid, double precision) OWNER TO fairway_worker;

-- The tenants' lanes with the most estimated work.
CREATE OR REPLACE FUNCTION busy_lanes(p_tenant_id uuid, p_limit integer)
RETURNS TABLE (step text, tenant_id uuid, tenant_name text, weight double precision, batches bigint, files bigint,
               parts bigint, cost_s double precision, oldest_ready_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT n.step, n.tenant_id, t.name, t.weight, count(*), sum(n.files)::bigint, sum(n.parts)::bigint, sum(n.cost_s),
           min(n.oldest_ready_at)
      FROM lane_backlogs n JOIN tenants t USING (tenant_id)
     WHERE seen_tenant(p_tenant_id) IS NULL OR n.tenant_id = seen_tenant(p_tenant_id)
     GROUP BY 1, 2, 3, 4 ORDER BY sum(n.cost_s) DESC, 1, 2 LIMIT p_limit
$$;
ALTER FUNCTION busy_lanes(uuid, integer) OWNER TO fairway_worker;

-- The totals of the ledger by step and outcome.
CREATE OR REPLACE FUNCTION attempts_in_all(p_tenant_id uuid)
RETURNS TABLE (step text, outcome text, attempts bigint, cost_s double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.step, t.outcome, sum(t.attempts)::bigint, sum(t.cost_s) FROM attempt_totals t
     WHERE seen_tenant(p_tenant_id) IS NULL OR t.tenant_id = seen_tenant(p_tenant_id) GROUP BY 1, 2 ORDER BY 1, 2
$$;
ALTER FUNCTION attempts_in_all(uuid) OWNER TO fairway_worker;

-- Adds the attempts that ended since the last call to the totals. Returns their number. Those of the last minute are added by
-- the next call: some of their transactions may not be committed yet.
CREATE OR REPLACE FUNCTION fold_attempts() RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    since timestamptz;
    until CONSTANT timestamptz := clock_timestamp() - interval '1 minute';
    folded integer;
BEGIN
    SELECT folded_until INTO since FROM attempt_folds FOR UPDATE SKIP LOCKED;
    IF since IS NULL OR since >= until THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        SELECT a.tenant_id, a.step, a.outcome, count(*) AS attempts, sum(a.cost_s) AS cost_s FROM attempts a
         WHERE a.ended_at > since AND a.ended_at <= until GROUP BY 1, 2, 3),
    summed AS (
        INSERT INTO attempt_totals AS t (tenant_id, step, outcome, attempts, cost_s) SELECT * FROM taken
        ON CONFLICT (tenant_id, step, outcome)
        DO UPDATE SET attempts = t.attempts + excluded.attempts, cost_s = t.cost_s + excluded.cost_s)
    SELECT coalesce(sum(attempts), 0) INTO folded FROM taken;
    UPDATE attempt_folds SET folded_until = until;
    RETURN folded;
END $$;
