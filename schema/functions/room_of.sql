-- How many more files and bytes a tenant may have now by its quota; NULL where it has no limit.
CREATE OR REPLACE FUNCTION room_of(p_tenant_id uuid) RETURNS TABLE (files bigint, bytes bigint)
LANGUAGE sql STABLE AS $$
    WITH used AS (
        SELECT CASE WHEN c.state LIKE 'day:%' THEN 'day' ELSE c.state END AS state, sum(c.files)::bigint AS amount FROM (
            SELECT state, files FROM file_counts
             WHERE tenant_id = p_tenant_id AND owner_id = p_tenant_id AND state IN ('unsettled', 'bytes', day_of(now()))
            UNION ALL
            SELECT state, delta FROM count_deltas
             WHERE tenant_id = p_tenant_id AND owner_id = p_tenant_id AND state IN ('unsettled', 'bytes', day_of(now()))) c
         GROUP BY 1)
    SELECT least((t.quota ->> 'files_in_processing')::bigint - coalesce((SELECT amount FROM used WHERE state = 'unsettled'), 0),
                 (t.quota ->> 'files_a_day')::bigint - coalesce((SELECT amount FROM used WHERE state = 'day'), 0)),
           (t.quota ->> 'bytes_stored')::bigint - coalesce((SELECT amount FROM used WHERE state = 'bytes'), 0)
      FROM tenants t WHERE t.tenant_id = p_tenant_id
$$;
