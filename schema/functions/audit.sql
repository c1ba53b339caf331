-- The conservation check, of one tenant or (NULL) of all: what was ever accepted against what there is.
-- `lost`: files that were accepted and are neither here nor erased, and files at work with no step that could move.
-- `doubled`: parts of steps that were done more often than once and each redrive. Reads the tables themselves,
-- not what is derived from them; the counters of what was accepted and erased stand outside the erased rows.
CREATE OR REPLACE FUNCTION audit(p_tenant_id uuid)
RETURNS TABLE (accepted bigint, terminal bigint, in_flight bigint, lost bigint, doubled bigint)
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
          FROM files f WHERE p_tenant_id IS NULL OR f.tenant_id = p_tenant_id),
    stranded AS (
        SELECT count(*) AS files FROM files f
         WHERE f.state = 'processing' AND f.removed_at IS NULL AND (p_tenant_id IS NULL OR f.tenant_id = p_tenant_id)
           AND NOT EXISTS (SELECT 1 FROM steps s WHERE s.file_id = f.file_id
                              AND s.state IN ('ready', 'queued', 'running', 'retrying', 'parked'))),
    again AS (
        SELECT coalesce(sum(d.times - 1 - s.redrives) FILTER (WHERE d.times - 1 > s.redrives), 0)::bigint AS parts
          FROM (SELECT a.file_id, a.step, a.part, count(*) AS times FROM attempts a
                 WHERE a.outcome = 'done' AND (p_tenant_id IS NULL OR a.tenant_id = p_tenant_id)
                 GROUP BY 1, 2, 3 HAVING count(*) > 1) d
          JOIN steps s USING (file_id, step, part))
    SELECT c.accepted, h.files - h.in_flight + c.erased, h.in_flight,
           greatest(0, c.accepted - c.erased - h.files) + s.files, a.parts
      FROM counted c, here h, stranded s, again a
$$;
ALTER FUNCTION audit(uuid) OWNER TO fairway_worker;
