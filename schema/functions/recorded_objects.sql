-- The objects in the rows of the next p_files files, of one tenant or, if p_tenant_id is NULL, of all: originals that have
-- arrived (kind '') and artifacts, by file and kind. Removed files are omitted. `size_bytes` and `sha256` are NULL if the row
-- does not have them.
CREATE OR REPLACE FUNCTION recorded_objects(p_tenant_id uuid, p_after uuid, p_files integer)
RETURNS TABLE (file_id uuid, tenant_id uuid, name text, kind text, object_key text, version_id text, size_bytes bigint, sha256 text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
    WITH chosen AS MATERIALIZED (
        SELECT f.* FROM files f
         WHERE f.file_id > p_after AND f.uploaded_at IS NOT NULL AND f.removed_at IS NULL
           AND (p_tenant_id IS NULL OR f.tenant_id = p_tenant_id)
         ORDER BY f.file_id LIMIT p_files)
    SELECT * FROM (
        SELECT c.file_id, c.tenant_id, c.name, '', c.object_key, c.version_id, c.size_bytes, c.sha256 FROM chosen c
         WHERE c.original_erased_at IS NULL
        UNION ALL
        SELECT c.file_id, c.tenant_id, c.name, a.kind, a.object_key, NULL, a.size_bytes, a.sha256
          FROM chosen c, LATERAL (SELECT * FROM artifacts a WHERE a.file_id = c.file_id OFFSET 0) a
         WHERE a.object_key <> c.object_key
    ) named(file_id, tenant_id, name, kind, object_key, version_id, size_bytes, sha256)
     ORDER BY file_id, kind
$$;
ALTER FUNCTION recorded_objects(uuid, uuid, integer) OWNER TO fairway_worker;
