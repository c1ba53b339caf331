-- Charges a lane what an attempt really cost in place of what it was estimated to cost.
CREATE OR REPLACE FUNCTION correct_lane(
    p_step text, p_tenant_id uuid, p_batch_id uuid, p_difference_s double precision) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE lanes l SET pass = l.pass + p_difference_s / t.weight
      FROM tenants t
     WHERE l.step = p_step AND l.tenant_id = p_tenant_id AND t.tenant_id = l.tenant_id;
    UPDATE batch_lanes SET pass = pass + p_difference_s
     WHERE step = p_step AND tenant_id = p_tenant_id AND batch_id = p_batch_id;
END $$;
