-- Counts a part that is at work as one of the long from now on, where fewer than p_places of its step are in flight, and
-- charges its lane a slice at once. A place that it shared with others is then its own. Whether it was counted so.
CREATE OR REPLACE FUNCTION go_on_among_long(
    p_file_id uuid, p_step text, p_part integer, p_lease_id uuid, p_places integer, p_slice_s double precision,
    p_long_s double precision) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    held record;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock(hashtextextended(p_step, 2));
    IF (SELECT count(*) FROM steps s
         WHERE s.step = p_step AND s.state IN ('queued', 'running') AND s.cost_estimate_s > p_slice_s) >= p_places THEN
        RETURN false;
    END IF;
    SELECT s.tenant_id, s.batch_id, s.cost_estimate_s INTO held FROM steps s
     WHERE s.file_id = p_file_id AND s.step = p_step AND s.part = p_part
       AND s.state = 'running' AND s.lease_id = p_lease_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE steps s SET cost_estimate_s = p_long_s, rides = false
     WHERE s.file_id = p_file_id AND s.step = p_step AND s.part = p_part;
    PERFORM correct_lane(p_step, held.tenant_id, held.batch_id, p_slice_s - least(held.cost_estimate_s, p_slice_s));
    RETURN true;
END $$;
