-- Charges a lane for the difference between the measured and the estimated time of an attempt. A refund moves the lane below
-- others, so the floors at which dispatch starts its search are also lowered. The dispatcher lock blocks dispatch during
-- this.
CREATE OR REPLACE FUNCTION correct_lane(
    p_step text, p_tenant_id uuid, p_batch_id uuid, p_difference_s double precision) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    lane_pass double precision;
    batch_pass double precision;
    row_id tid;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock(hashtextextended(p_step, 2));
    row_id := newest_batch_lane(p_step, p_tenant_id, p_batch_id);
    UPDATE batch_lanes b SET pass = b.pass + p_difference_s / b.weight
     WHERE b.ctid = row_id
    RETURNING b.pass INTO batch_pass;
    row_id := newest_lane(p_step, p_tenant_id);
    UPDATE lanes l
       SET pass = l.pass + p_difference_s / t.weight,
           batch_floor = least(l.batch_floor, batch_pass)
      FROM tenants t
     WHERE l.ctid = row_id AND t.tenant_id = l.tenant_id
    RETURNING l.pass INTO lane_pass;
    row_id := newest_clock(p_step);
    UPDATE lane_clocks c SET floor = lane_pass WHERE c.ctid = row_id AND c.floor > lane_pass;
END $$;
