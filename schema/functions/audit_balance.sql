-- Compares the number of all files ever accepted, from one tenant or, if p_tenant_id is NULL, from all, with the existing
-- files. The counters of accepted and erased files outlive the files; the others are counted in the table.
CREATE OR REPLACE FUNCTION audit_balance(p_tenant_id uuid)
RETURNS TABLE (accepted bigint, terminal bigint, in_flight bigint, unaccounted bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH counted AS (
        SELECT coalesce(sum(c.files) FILTER (WHERE c.state = 'accepted'), 0)::bigint AS accepted,
               coalesce(sum(c.files) FILTER (WHERE c.state = 'erased'), 0)::bigint AS erased
          FROM (SELECT tenant_id, owner_id, state, files FROM file_counts
                UNION ALL SELECT tenant_id, owner_id, state, delta FROM count_deltas) c
         WHERE c.owner_id = c.tenant_id AND (p_tenant_id IS NULL OR c.tenant_id = p_tenant_id)),
    here AS (
        SELECT count(*) AS files,
               count(*) FILTER (WHERE f.removed_at IS NULL AND f.state IN ('uploading', 'processing')) AS in_flight
          FROM files f WHERE p_tenant_id IS NULL OR f.tenant_id = p_tenant_id)
    SELECT c.accepted, h.files - h.in_flight + c.erased, h.in_flight, greatest(0, c.accepted - c.erased - h.files)
      FROM counted c, here h
$$;
ALTER FUNCTION audit_balance(uuid) OWNER TO fairway_worker;
