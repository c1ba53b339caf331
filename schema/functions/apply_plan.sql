-- Applies the plan of a file's steps, in the transaction that made the plan necessary.
-- p_planned: [{"step", "state", "reason"?, "error_code"?, "error_detail"?, "parts"?: [{"pages", "cost_s"}]}, ...].
-- A step with parts becomes ready, with a row for each part; any other step gets one row in the given state.
CREATE OR REPLACE FUNCTION apply_plan(p_file_id uuid, p_planned jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    plans CONSTANT jsonb := jsonb_build_array(jsonb_build_object('file_id', p_file_id, 'planned', p_planned));
BEGIN
    PERFORM FROM files f WHERE f.file_id = p_file_id FOR UPDATE;
    PERFORM write_plans(plans);
    PERFORM activate_lanes(plans);
END $$;

-- Writes the steps of plans, [{"file_id", "planned"}, ...]. The caller has locked the files' rows, and activates the lanes of the
-- steps in the same transaction, as its last action.
CREATE OR REPLACE FUNCTION write_plans(p_plans jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$ -- plans may be made while the tables are small
BEGIN
    INSERT INTO steps AS s (file_id, step, part, tenant_id, batch_id, state, reason, error_code, error_detail,
                            page_numbers, cost_estimate_s, ready_at, ended_at, redrives, attempt)
    SELECT f.file_id, n.step, coalesce(p.place - 1, 0), f.tenant_id, f.batch_id, n.state,
           n.reason, n.error_code, n.error_detail,
           (SELECT array_agg(v::integer) FROM jsonb_array_elements_text(p.part -> 'pages') v),
           coalesce((p.part ->> 'cost_s')::real, 0),
           CASE WHEN n.state = 'ready' THEN clock_timestamp() END,
           CASE WHEN n.state IN ('skipped', 'failed') THEN clock_timestamp() END,
           -- A part that a redrive creates again continues the attempt numbers of the ledger.
           coalesce((SELECT max(o.redrives) FROM steps o WHERE o.file_id = f.file_id AND o.step = n.step), 0),
           coalesce((SELECT max(a.attempt) FROM attempts a
                      WHERE a.file_id = f.file_id AND a.step = n.step AND a.part = coalesce(p.place - 1, 0)), 0)
      FROM a_few(p_plans) AS w(plan)
      JOIN files f ON f.file_id = (w.plan ->> 'file_id')::uuid
     CROSS JOIN LATERAL jsonb_to_recordset(w.plan -> 'planned') AS n(
           step text, state text, reason text, error_code text, error_detail text, parts jsonb)
      LEFT JOIN LATERAL jsonb_array_elements(n.parts) WITH ORDINALITY AS p(part, place) ON true
    ON CONFLICT (file_id, step, part) DO UPDATE
       SET state = excluded.state, reason = excluded.reason, error_code = excluded.error_code,
           error_detail = excluded.error_detail, page_numbers = excluded.page_numbers,
           cost_estimate_s = excluded.cost_estimate_s, ready_at = excluded.ready_at, ended_at = excluded.ended_at
     WHERE s.state = 'waiting';
END $$;

-- Activates the lanes of the steps that plans made ready, [{"file_id", "planned"}, ...]: each lane once, in the order in
-- which dispatch locks them. Another order could deadlock.
CREATE OR REPLACE FUNCTION activate_lanes(p_plans jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$ -- plans may be made while the tables are small
DECLARE
    lane record;
BEGIN
    FOR lane IN
        SELECT DISTINCT n.step, f.tenant_id, f.batch_id
          FROM a_few(p_plans) AS p(plan)
          JOIN files f ON f.file_id = (p.plan ->> 'file_id')::uuid
         CROSS JOIN LATERAL jsonb_to_recordset(p.plan -> 'planned') AS n(step text, state text)
         WHERE n.state = 'ready' ORDER BY 1, 2, 3
    LOOP
        PERFORM activate_lane(lane.step, lane.tenant_id, lane.batch_id);
    END LOOP;
END $$;

-- Sets the state of a file whose main pipeline has ended or starts again.
CREATE OR REPLACE FUNCTION settle_file(
    p_file_id uuid, p_state text, p_error_step text, p_error_code text, p_error_detail text) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE files
       SET state = p_state, error_step = p_error_step, error_code = p_error_code, error_detail = p_error_detail,
           updated_at = clock_timestamp()
     WHERE file_id = p_file_id AND state <> 'cancelled'
$$;
