-- What a step may know of its file: the row, its dataset's schema, how each page was read, what failed.
CREATE OR REPLACE FUNCTION file_facts(p_file_id uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'file_id', f.file_id, 'tenant_id', f.tenant_id, 'dataset_id', f.dataset_id, 'batch_id', f.batch_id,
        'name', f.name, 'object_key', f.object_key, 'version_id', f.version_id,
        'declared_size_bytes', f.declared_size_bytes, 'declared_sha256', f.declared_sha256,
        'size_bytes', f.size_bytes, 'media_type', f.media_type, 'page_count', f.page_count,
        'schema', v.schema, 'schema_version', v.version, 'when_textract_is_down', d.when_textract_is_down,
        'pages', (SELECT coalesce(jsonb_agg(jsonb_build_array(p.page_number, p.source, p.confidence)
                                            ORDER BY p.page_number), '[]')
                    FROM pages p WHERE p.file_id = f.file_id),
        'failures', (SELECT coalesce(jsonb_object_agg(s.step, jsonb_build_array(s.error_code, s.error_detail)), '{}')
                       FROM steps s WHERE s.file_id = f.file_id AND s.state = 'failed'))
      FROM files f
      JOIN datasets d USING (dataset_id)
      JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
     WHERE f.file_id = p_file_id
$$;

-- Claims a queued part for one attempt, by one write; answers NULL when there is nothing to claim.
CREATE OR REPLACE FUNCTION claim_step(
    p_file_id uuid, p_step text, p_part integer, p_attempt integer,
    p_owner text, p_lease_s double precision, p_durably boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    claimed steps%ROWTYPE;
BEGIN
    IF NOT p_durably THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    UPDATE steps s
       SET state = 'running', attempt = s.attempt + 1, lease_id = gen_random_uuid(), lease_owner = p_owner,
           lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_s),
           started_at = clock_timestamp(), ended_at = NULL, due_at = NULL, reason = NULL
      FROM files f
     WHERE s.file_id = p_file_id AND s.step = p_step AND s.part = p_part
       AND s.state = 'queued' AND s.attempt = p_attempt - 1
       AND f.file_id = s.file_id AND f.removed_at IS NULL
    RETURNING s.* INTO claimed;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM mark_changed(ARRAY[p_file_id]);
    RETURN file_facts(p_file_id) || jsonb_build_object(
        'lease_id', claimed.lease_id, 'attempt', claimed.attempt, 'failures_before', claimed.failures,
        'snoozes', claimed.snoozes, 'losses', claimed.losses,
        'cost_estimate_s', claimed.cost_estimate_s,
        'page_numbers', to_jsonb(claimed.page_numbers));
END $$;
