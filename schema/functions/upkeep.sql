-- Makes due parts ready: retries, snoozed parts, parked parts. Returns the steps that have new parts to dispatch.
CREATE OR REPLACE FUNCTION wake_due(p_limit integer) RETURNS TABLE (step text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    lane record;
    woken uuid[];
BEGIN
    FOR lane IN
        WITH due AS (
            SELECT s.file_id, s.step, s.part FROM steps s
             WHERE s.state IN ('retrying', 'parked') AND s.due_at <= clock_timestamp()
             ORDER BY s.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED),
        woken AS (
            UPDATE steps s SET state = 'ready', ready_at = clock_timestamp(), due_at = NULL
              FROM due WHERE (s.file_id, s.step, s.part) = (due.file_id, due.step, due.part)
            RETURNING s.file_id, s.step, s.tenant_id, s.batch_id)
        SELECT w.step, w.tenant_id, w.batch_id, array_agg(w.file_id) AS file_ids
          FROM woken w GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    LOOP
        PERFORM activate_lane(lane.step, lane.tenant_id, lane.batch_id);
        woken := woken || lane.file_ids;
        step := lane.step;
        RETURN NEXT;
    END LOOP;
    PERFORM mark_changed(woken);
END $$;

-- Analyzes tables that have grown tenfold since they were last analyzed, or never were. Returns their number. Autovacuum runs
-- at most once a minute; until then, full tables would be read with plans for empty ones.
CREATE OR REPLACE FUNCTION analyze_grown() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    grown regclass;
    analyzed integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('analyze_grown')) THEN
        RETURN 0;
    END IF;
    FOR grown IN
        SELECT t.relid FROM pg_stat_user_tables t JOIN pg_class c ON c.oid = t.relid
         WHERE t.schemaname = 'public' AND c.relkind = 'r'
           AND t.n_mod_since_analyze > 1000 + 9 * greatest(c.reltuples, 0)
           AND coalesce(greatest(t.last_analyze, t.last_autoanalyze), '-infinity') < clock_timestamp() - interval '20 s'
    LOOP
        EXECUTE format('ANALYZE %s', grown);
        analyzed := analyzed + 1;
    END LOOP;
    RETURN analyzed;
END $$;

-- Repairs lanes. Returns the number of activated lanes. An inactive lane with ready steps, which a crash may leave, becomes
-- active. A mark is lowered if a ready part is before it, because its transaction was committed very late. A floor is lowered
-- if an active lane is below it, which dispatch would not find.
CREATE OR REPLACE FUNCTION repair_lanes() RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    lane record;
    repaired integer := 0;
BEGIN
    -- Rows are locked in the same order as by dispatch.
    UPDATE lanes l SET batch_floor = '-infinity'
     WHERE l.active AND EXISTS (SELECT 1 FROM batch_lanes b WHERE b.step = l.step AND b.tenant_id = l.tenant_id
                                                              AND b.active AND b.pass < l.batch_floor);
    UPDATE batch_lanes b SET ready_mark = '-infinity'
     WHERE b.active AND b.ready_mark > (
           SELECT s.ready_at FROM steps s
            WHERE s.state = 'ready' AND s.step = b.step AND s.tenant_id = b.tenant_id AND s.batch_id = b.batch_id
            ORDER BY s.step, s.tenant_id, s.batch_id, s.ready_at, s.file_id, s.part LIMIT 1);
    UPDATE lane_clocks c SET floor = '-infinity'
     WHERE EXISTS (SELECT 1 FROM lanes l WHERE l.step = c.step AND l.active AND l.pass < c.floor);
    -- Goes from lane to lane by the first ready row of each, and does not read all ready rows.
    FOR lane IN
        WITH RECURSIVE with_ready AS (
            (SELECT s.step, s.tenant_id, s.batch_id FROM steps s WHERE s.state = 'ready'
              ORDER BY s.step, s.tenant_id, s.batch_id LIMIT 1)
            UNION ALL
            SELECT n.step, n.tenant_id, n.batch_id FROM with_ready w, LATERAL (
                   SELECT s.step, s.tenant_id, s.batch_id FROM steps s
                    WHERE s.state = 'ready' AND (s.step, s.tenant_id, s.batch_id) > (w.step, w.tenant_id, w.batch_id)
                    ORDER BY s.step, s.tenant_id, s.batch_id LIMIT 1) n)
        SELECT w.step, w.tenant_id, w.batch_id FROM with_ready w
         WHERE NOT EXISTS (SELECT 1 FROM lanes l JOIN batch_lanes b USING (step, tenant_id)
                            WHERE l.step = w.step AND l.tenant_id = w.tenant_id AND l.active
                              AND b.batch_id = w.batch_id AND b.active)
         ORDER BY 1, 2, 3
    LOOP
        PERFORM activate_lane(lane.step, lane.tenant_id, lane.batch_id);
        repaired := repaired + 1;
    END LOOP;
    RETURN repaired;
END $$;
