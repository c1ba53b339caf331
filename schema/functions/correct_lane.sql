-- Charges a lane what an attempt really cost in place of what it was estimated to cost. A refund puts the lane
-- back below others, so the floors that dispatch begins at go down with it; dispatch's own lock keeps the two apart.
CREATE OR REPLACE FUNCTION correct_lane(
    p_step text, p_tenant_id uuid, p_batch_id uuid, p_difference_s double precision) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    lane_pass double precision;
    batch_pass double precision;
    place tid;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock(hashtextextended(p_step, 2));
    place := newest_batch_lane(p_step, p_tenant_id, p_batch_id);
    UPDATE batch_lanes b SET pass = b.pass + p_difference_s / b.weight
     WHERE b.ctid = place
    RETURNING b.pass INTO batch_pass;
    place := newest_lane(p_step, p_tenant_id);
    UPDATE lanes l
       SET pass = l.pass + p_difference_s / t.weight,
           batch_floor = least(l.batch_floor, batch_pass)
      FROM tenants t
     WHERE l.ctid = place AND t.tenant_id = l.tenant_id
    RETURNING l.pass INTO lane_pass;
    place := newest_clock(p_step);
    UPDATE lane_clocks c SET floor = lane_pass WHERE c.ctid = place AND c.floor > lane_pass;
END $$;
