-- Handles events of created objects, [{"file_id", "object_key", "version_id"}, ...]: makes the first step, p_step, ready for
-- the files that were waiting for their upload. Its estimated cost is p_least_s plus a second for each p_bytes_a_s bytes.
-- The first version that arrives is processed; later events have no effect.
-- Returns a row for each object: 'arrived', 'known', 'removed' (the caller deletes the object) or 'unknown'.
CREATE OR REPLACE FUNCTION arrive(
    p_arrivals jsonb, p_step text, p_least_s double precision, p_bytes_a_s double precision)
RETURNS TABLE (object_key text, verdict text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    arrived uuid[];
    lane record;
BEGIN
    WITH news AS (
        SELECT DISTINCT ON (a.file_id) a.file_id, a.object_key, a.version_id
          FROM jsonb_to_recordset(p_arrivals) AS a(file_id uuid, object_key text, version_id text)
         ORDER BY a.file_id),
    pinned AS (
        UPDATE files f
           SET state = 'processing', version_id = n.version_id,
               uploaded_at = clock_timestamp(), updated_at = clock_timestamp()
          FROM news n
         WHERE f.file_id = n.file_id AND f.object_key = n.object_key
           AND f.state IN ('uploading', 'upload_missing') AND f.removed_at IS NULL
        RETURNING f.file_id, f.tenant_id, f.batch_id, f.declared_size_bytes),
    readied AS (
        INSERT INTO steps (file_id, step, part, tenant_id, batch_id, state, cost_estimate_s, ready_at)
        SELECT p.file_id, p_step, 0, p.tenant_id, p.batch_id, 'ready',
               p_least_s + p.declared_size_bytes / p_bytes_a_s, clock_timestamp() FROM pinned p)
    SELECT array_agg(p.file_id) INTO arrived FROM pinned p;

    FOR lane IN SELECT DISTINCT f.tenant_id, f.batch_id FROM files f
                 WHERE f.file_id = ANY (arrived) ORDER BY 1, 2 LOOP
        PERFORM activate_lane(p_step, lane.tenant_id, lane.batch_id);
    END LOOP;

    RETURN QUERY
    SELECT n.object_key,
           CASE WHEN n.file_id = ANY (arrived) THEN 'arrived'
                -- An object is kept until the removal can no longer be undone; an object that arrived before the removal is
                -- kept until its file is erased.
                WHEN t.file_id IS NOT NULL OR (f.removed_at IS NOT NULL AND f.uploaded_at IS NULL
                     AND (r.erasing_at IS NOT NULL OR r.erase_after <= clock_timestamp())) THEN 'removed'
                WHEN f.file_id IS NOT NULL THEN 'known'
                ELSE 'unknown' END
      FROM jsonb_to_recordset(p_arrivals) AS n(file_id uuid, object_key text)
      LEFT JOIN files f ON f.file_id = n.file_id AND f.object_key = n.object_key
      LEFT JOIN removals r ON r.removal_id = f.removal_id
      LEFT JOIN tombstones t ON t.file_id = n.file_id;
END $$;
