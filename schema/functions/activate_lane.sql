-- The weight of a batch among the batches of its tenant. As LOW_WEIGHT in layers/domain/fairness.py.
CREATE OR REPLACE FUNCTION weight_of_priority(p_priority text) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$ SELECT CASE p_priority WHEN 'low' THEN 0.1 ELSE 1.0 END::double precision $$;

-- Makes a lane active, in the transaction that makes a step of it ready.
--
-- The shared lock is taken in a separate statement before the flags are read. A dispatcher that deactivates the lane takes
-- the same lock exclusively. So either it sees the ready step, or this function sees that the lane is inactive. An active
-- lane is not written, so that transactions that make steps of one tenant ready don't wait for each other. Before a lane is
-- written, a second shared lock prevents dispatch from raising its floors: the pass that is read here must stay above them.
CREATE OR REPLACE FUNCTION activate_lane(p_step text, p_tenant_id uuid, p_batch_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_sort = off AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_step || p_tenant_id::text, 1));
    -- Searched backwards to find the newest version of each row first, as in newest_version.sql, but not locked.
    IF (SELECT b.active FROM batch_lanes b
         WHERE b.step = p_step AND b.tenant_id = p_tenant_id AND b.batch_id BETWEEN p_batch_id AND p_batch_id
         ORDER BY b.batch_id DESC LIMIT 1)
       AND (SELECT l.active FROM lanes l WHERE l.step = p_step AND l.tenant_id BETWEEN p_tenant_id AND p_tenant_id
             ORDER BY l.tenant_id DESC LIMIT 1) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(p_step, 5));
    IF NOT EXISTS (SELECT 1 FROM batch_lanes
                    WHERE step = p_step AND tenant_id = p_tenant_id AND batch_id = p_batch_id AND active) THEN
        INSERT INTO batch_lanes AS b (step, tenant_id, batch_id, pass, active, weight)
        VALUES (p_step, p_tenant_id, p_batch_id,
                coalesce((SELECT batch_clock FROM lanes WHERE step = p_step AND tenant_id = p_tenant_id), 0), true,
                coalesce((SELECT weight_of_priority(priority) FROM batches WHERE batch_id = p_batch_id), 1))
        ON CONFLICT (step, tenant_id, batch_id)
        DO UPDATE SET active = true, pass = greatest(b.pass, excluded.pass) WHERE NOT b.active;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM lanes WHERE step = p_step AND tenant_id = p_tenant_id AND active) THEN
        INSERT INTO lanes AS l (step, tenant_id, pass, active)
        VALUES (p_step, p_tenant_id, coalesce((SELECT pass FROM lane_clocks WHERE step = p_step), 0), true)
        ON CONFLICT (step, tenant_id)
        DO UPDATE SET active = true, pass = greatest(l.pass, excluded.pass) WHERE NOT l.active;
    END IF;
END $$;
