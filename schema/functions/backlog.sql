-- The backlog of each step of p_steps: how many seconds its oldest ready part has waited, how many parts are parked (counted
-- up to p_most), and by how many seconds of work the most served waiting tenant is ahead of the least served one. For each
-- step it reads the first row of at most p_most batch lanes, in dispatch order.
CREATE OR REPLACE FUNCTION backlog(p_steps text[], p_most integer)
RETURNS TABLE (step text, oldest_s double precision, parked bigint, ahead_s double precision)
LANGUAGE sql STABLE AS $$
    SELECT one.step,
           coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(oldest.ready_at)))
                       FROM (SELECT b.step, b.tenant_id, b.batch_id FROM batch_lanes b
                              WHERE b.step = one.step AND b.active
                              ORDER BY b.step, b.tenant_id, b.pass, b.batch_id LIMIT p_most) lane
                      CROSS JOIN LATERAL
                            (SELECT r.ready_at FROM steps r
                              WHERE r.state = 'ready' AND r.step = lane.step AND r.tenant_id = lane.tenant_id
                                AND r.batch_id = lane.batch_id
                              ORDER BY r.step, r.tenant_id, r.batch_id, r.ready_at, r.file_id, r.part LIMIT 1) oldest),
                    0)::double precision,
           (SELECT count(*) FROM (SELECT FROM steps p WHERE p.state = 'parked' AND p.step = one.step LIMIT p_most) AS counted),
           coalesce((SELECT l.pass FROM lanes l WHERE l.step = one.step AND l.active
                      ORDER BY l.step DESC, l.pass DESC, l.tenant_id DESC LIMIT 1)
                    - (SELECT l.pass FROM lanes l WHERE l.step = one.step AND l.active
                        ORDER BY l.step, l.pass, l.tenant_id LIMIT 1), 0)
      FROM unnest(p_steps) AS one (step)
$$;
