-- Where the present version of a hot row lies, locked; NULL where there is none. To be asked for in a statement of its
-- own: one that is under way does not see what was committed while this waited for the lock.
--
-- Each of these rows is rewritten at every dispatch, and while somebody holds an old snapshot every version since stays
-- in the key's index. They stand there in the order of their places, and new ones are put behind the old: looked for
-- from the end, the present one comes first, instead of last of many thousands. A range that holds one key makes
-- PostgreSQL read it backwards, which it wouldn't do for an equality; without sorting it has no other way, also while
-- these tables are still small.
CREATE OR REPLACE FUNCTION newest_clock(p_step text) RETURNS tid
LANGUAGE plpgsql VOLATILE SET enable_sort = off AS $$
BEGIN
    RETURN (SELECT c.ctid FROM lane_clocks c WHERE c.step BETWEEN p_step AND p_step
             ORDER BY c.step DESC LIMIT 1 FOR UPDATE);
END $$;

CREATE OR REPLACE FUNCTION newest_lane(p_step text, p_tenant_id uuid) RETURNS tid
LANGUAGE plpgsql VOLATILE SET enable_sort = off AS $$
BEGIN
    RETURN (SELECT l.ctid FROM lanes l WHERE l.step = p_step AND l.tenant_id BETWEEN p_tenant_id AND p_tenant_id
             ORDER BY l.tenant_id DESC LIMIT 1 FOR UPDATE);
END $$;

CREATE OR REPLACE FUNCTION newest_batch_lane(p_step text, p_tenant_id uuid, p_batch_id uuid) RETURNS tid
LANGUAGE plpgsql VOLATILE SET enable_sort = off AS $$
BEGIN
    RETURN (SELECT b.ctid FROM batch_lanes b
             WHERE b.step = p_step AND b.tenant_id = p_tenant_id AND b.batch_id BETWEEN p_batch_id AND p_batch_id
             ORDER BY b.batch_id DESC LIMIT 1 FOR UPDATE);
END $$;
