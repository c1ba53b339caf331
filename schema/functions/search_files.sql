-- A page of the caller's live files whose name matches a pattern, newest first. It runs as a role that row-level security
-- does not restrict, and filters by tenant itself: ILIKE is not leakproof, so under a policy it could use no index.
--
-- The newest files are searched first, which finds a common name at once. The rest of the page is found by the trigram index.
-- The planner can't choose between the two: under row-level security it may not read a column's statistics for an operator
-- that is not leakproof.
--
-- Pattern and names are compared in the normal form NFKC: systems compose the letters of file names differently.
CREATE OR REPLACE FUNCTION search_files(
    p_dataset_id uuid, p_name text, p_after uuid, p_state text, p_batch_id uuid, p_limit integer)
RETURNS SETOF files
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    newest CONSTANT integer := 2000;
    chosen CONSTANT text := ' FROM files f WHERE f.tenant_id = $1 AND f.dataset_id = $2 AND f.removed_at IS NULL'
        || CASE WHEN p_state IS NULL THEN '' ELSE ' AND f.state = $5' END
        || CASE WHEN p_batch_id IS NULL THEN '' ELSE ' AND f.batch_id = $6' END
        || ' AND ($4 IS NULL OR f.file_id < $4)';
    found integer;
    reached uuid;
BEGIN
    PERFORM set_config('enable_bitmapscan', 'off', true); -- in the order of the listing
    RETURN QUERY EXECUTE
        'SELECT * FROM (SELECT f.*' || chosen || ' ORDER BY f.file_id DESC LIMIT $8) f WHERE normalize(f.name, NFKC) ILIKE $3 LIMIT $7'
        USING current_tenant(), p_dataset_id, p_name, p_after, p_state, p_batch_id, p_limit, newest;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found >= p_limit THEN
        PERFORM set_config('enable_bitmapscan', 'on', true);
        RETURN;
    END IF;
    EXECUTE 'SELECT f.file_id' || chosen || ' ORDER BY f.file_id DESC OFFSET $8 LIMIT 1' INTO reached
        USING current_tenant(), p_dataset_id, p_name, p_after, p_state, p_batch_id, p_limit, newest - 1;
    PERFORM set_config('enable_bitmapscan', 'on', true);
    IF reached IS NOT NULL THEN
        RETURN QUERY EXECUTE 'SELECT f.*' || chosen || ' AND normalize(f.name, NFKC) ILIKE $3 ORDER BY f.file_id DESC LIMIT $7'
            USING current_tenant(), p_dataset_id, p_name, reached, p_state, p_batch_id, p_limit - found;
    END IF;
END $$;
ALTER FUNCTION search_files(uuid, text, uuid, text, uuid, integer) OWNER TO fairway_worker;
