-- Takes up to p_room ready parts of one step in fair order: the active tenant lane of lowest pass, in it the
-- active batch lane of lowest pass, its oldest ready part; both lanes are charged. Costs the same at any
-- backlog: every look-up is the first row of an index. The policy as a value: layers/domain/fairness.py.
CREATE OR REPLACE FUNCTION dispatch_step(p_step text, p_room integer, p_slice_s double precision)
RETURNS TABLE (file_id uuid, step text, part integer, attempt integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    lane record;
    batch record;
    picked record;
    passed_tenants uuid[] := '{}';  -- looked at and found empty in this call
    passed_batches uuid[] := '{}';
BEGIN
    WHILE p_room > 0 LOOP
        SELECT l.tenant_id, l.pass, t.weight INTO lane
          FROM lanes l JOIN tenants t USING (tenant_id)
         WHERE l.step = p_step AND l.active AND l.tenant_id <> ALL (passed_tenants)
         ORDER BY l.step, l.pass, l.tenant_id LIMIT 1;
        EXIT WHEN NOT FOUND;

        SELECT b.batch_id, b.pass INTO batch
          FROM batch_lanes b
         WHERE b.step = p_step AND b.tenant_id = lane.tenant_id AND b.active AND b.batch_id <> ALL (passed_batches)
         ORDER BY b.step, b.tenant_id, b.pass, b.batch_id LIMIT 1;
        IF NOT FOUND THEN
            PERFORM deactivate_lane(p_step, lane.tenant_id, NULL);
            passed_tenants := passed_tenants || lane.tenant_id;
            CONTINUE;
        END IF;

        UPDATE steps s
           SET state = 'queued', queued_at = clock_timestamp()
         WHERE (s.file_id, s.step, s.part) = (
               SELECT r.file_id, r.step, r.part FROM steps r
                WHERE r.state = 'ready' AND r.step = p_step
                  AND r.tenant_id = lane.tenant_id AND r.batch_id = batch.batch_id
                ORDER BY r.step, r.tenant_id, r.batch_id, r.ready_at, r.file_id, r.part
                LIMIT 1 FOR UPDATE SKIP LOCKED)
           AND s.state = 'ready'
        RETURNING s.file_id, s.step, s.part, s.attempt + 1 AS attempt, s.cost_estimate_s INTO picked;
        IF NOT FOUND THEN
            PERFORM deactivate_lane(p_step, lane.tenant_id, batch.batch_id);
            passed_batches := passed_batches || batch.batch_id;
            CONTINUE;
        END IF;

        UPDATE lanes l
           SET pass = l.pass + least(picked.cost_estimate_s, p_slice_s) / lane.weight, batch_clock = greatest(l.batch_clock, batch.pass)
         WHERE l.step = p_step AND l.tenant_id = lane.tenant_id;
        UPDATE batch_lanes b
           SET pass = b.pass + least(picked.cost_estimate_s, p_slice_s)
         WHERE b.step = p_step AND b.tenant_id = lane.tenant_id AND b.batch_id = batch.batch_id;
        -- What is refunded to a lane must not turn the clock back: a newcomer would start ahead of everyone.
        INSERT INTO lane_clocks AS c (step, pass) VALUES (p_step, lane.pass)
        ON CONFLICT (step) DO UPDATE SET pass = excluded.pass WHERE c.pass < excluded.pass;

        file_id := picked.file_id; step := picked.step; part := picked.part; attempt := picked.attempt;
        RETURN NEXT;
        p_room := p_room - 1;
    END LOOP;
END $$;

-- Takes an empty lane out of the active ones; leaves it be where someone is readying a step of it just now.
-- A skipped row may only have been locked, so emptiness is looked up afresh, under the lock.
CREATE OR REPLACE FUNCTION deactivate_lane(p_step text, p_tenant_id uuid, p_batch_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_step || p_tenant_id::text, 1)) THEN
        RETURN;
    END IF;
    IF p_batch_id IS NOT NULL THEN
        UPDATE batch_lanes b SET active = false
         WHERE b.step = p_step AND b.tenant_id = p_tenant_id AND b.batch_id = p_batch_id
           AND NOT EXISTS (SELECT 1 FROM steps s
                            WHERE s.state = 'ready' AND s.step = p_step
                              AND s.tenant_id = p_tenant_id AND s.batch_id = p_batch_id
                            ORDER BY s.step, s.tenant_id, s.batch_id, s.ready_at, s.file_id, s.part LIMIT 1);
    END IF;
    UPDATE lanes l SET active = false
     WHERE l.step = p_step AND l.tenant_id = p_tenant_id
       AND NOT EXISTS (SELECT 1 FROM batch_lanes b
                        WHERE b.step = p_step AND b.tenant_id = p_tenant_id AND b.active
                        ORDER BY b.step, b.tenant_id, b.pass, b.batch_id LIMIT 1);
END $$;

-- Dispatches each named step up to its in-flight cap: p_caps is {"ocr": 3, ...}.
--
-- One dispatcher a step at a time. One that finds it taken waits in a single seat, for what was committed
-- since may be invisible to the one at work; when the seat is taken too, its holder will see our commit.
-- The seat is a session lock, given up as soon as the turn comes, so that the next one can wait.
CREATE OR REPLACE FUNCTION dispatch_steps(p_caps jsonb, p_slice_s double precision)
RETURNS TABLE (file_id uuid, step text, part integer, attempt integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    one record;
    turn bigint;
    seat bigint;
    in_flight integer;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR one IN SELECT key AS name, value::integer AS cap FROM jsonb_each_text(p_caps) ORDER BY key LOOP
        turn := hashtextextended(one.name, 2);
        seat := hashtextextended(one.name, 3);
        IF NOT pg_try_advisory_xact_lock(turn) THEN
            CONTINUE WHEN NOT pg_try_advisory_lock(seat);
            BEGIN
                PERFORM pg_advisory_xact_lock(turn);
            EXCEPTION WHEN OTHERS THEN
                PERFORM pg_advisory_unlock(seat);
                RAISE;
            END;
            PERFORM pg_advisory_unlock(seat);
        END IF;
        SELECT count(*) INTO in_flight FROM steps s WHERE s.step = one.name AND s.state IN ('queued', 'running');
        RETURN QUERY SELECT d.file_id, d.step, d.part, d.attempt
                       FROM dispatch_step(one.name, one.cap - in_flight, p_slice_s) d;
    END LOOP;
END $$;
