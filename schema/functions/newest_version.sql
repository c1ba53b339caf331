-- The ctid of the current version of a frequently updated row, which is locked; NULL if there is no such row. Call these in a
-- separate statement: a statement does not see changes that were committed while it waited for the lock.
--
-- Each of these rows is updated at every dispatch. While another session holds an old snapshot, the index of the primary key
-- keeps an entry for every version since then, in the order of their ctids, the newest last. Read backwards, the index
-- returns the current version first instead of after many thousands. PostgreSQL reads an index backwards for a range but not
-- for an equality, which is why there is BETWEEN one key and itself. With enable_sort off it has no other plan, even while
-- the tables are small.
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
