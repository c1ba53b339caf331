-- The facts about files for a step: the row, its dataset's schema, how each page was read, which steps failed, and whether
-- its record is complete (null if it has none). p_files: [{"file_id", ...}, ...]; each is returned with its facts.
CREATE OR REPLACE FUNCTION facts_of_files(p_files jsonb) RETURNS TABLE (file_id uuid, one jsonb, facts jsonb)
LANGUAGE sql STABLE AS $$
    SELECT f.file_id, e.one, jsonb_build_object(
        'file_id', f.file_id, 'tenant_id', f.tenant_id, 'dataset_id', f.dataset_id, 'batch_id', f.batch_id,
        'name', f.name, 'object_key', f.object_key, 'version_id', f.version_id,
        'declared_size_bytes', f.declared_size_bytes, 'declared_sha256', f.declared_sha256,
        'size_bytes', f.size_bytes, 'media_type', f.media_type, 'page_count', f.page_count,
        'schema', v.schema, 'schema_version', v.version, 'languages', d.languages, 'date_order', d.date_order,
        'several', d.several, 'sure_from', d.sure_from, 'reading', d.reading,
        -- In order, so that it is looked up in the index: a scan would read all keys if the dataset has none.
        'has_memory', (SELECT true FROM sender_keys k WHERE k.dataset_id = f.dataset_id ORDER BY k.key LIMIT 1),
        'when_textract_is_down', d.when_textract_is_down,
        'is_to_be_expanded', f.archive_id IS NULL
                             AND b.expand_archives,
        -- A part of a scan is not separated again.
        'separation', CASE WHEN f.first_page IS NULL THEN b.separation END,
        'separated', f.separated, 'barcodes', f.barcodes,
        'routing', d.routing,
        'waiting', (SELECT jsonb_agg(s.step) FROM steps s WHERE s.file_id = f.file_id AND s.state = 'waiting'),
        'record_is_complete', (SELECT r.complete AND NOT r.further @> '[{"complete": false}]'
                                 FROM records r WHERE r.file_id = f.file_id),
        'pages', (SELECT coalesce(jsonb_agg(jsonb_build_array(p.page_number, p.source, p.confidence,
                                                              octet_length(p.text))
                                            ORDER BY p.page_number), '[]')
                    FROM pages p WHERE p.file_id = f.file_id),
        'text_sha256', (SELECT a.sha256 FROM artifacts a WHERE a.file_id = f.file_id AND a.kind = 'text'),
        'notes', (SELECT coalesce(jsonb_agg(n.note ORDER BY s.step, s.part, n.index), '[]')
                    FROM steps s, jsonb_array_elements(s.notes) WITH ORDINALITY AS n(note, index)
                   WHERE s.file_id = f.file_id AND s.state = 'done'),
        'failures', (SELECT coalesce(jsonb_object_agg(s.step, jsonb_build_array(s.error_code, s.error_detail)), '{}')
                       FROM steps s WHERE s.file_id = f.file_id AND s.state = 'failed'))
      FROM a_few(p_files) AS e(one)
      JOIN files f ON f.file_id = (e.one ->> 'file_id')::uuid
      JOIN datasets d USING (dataset_id)
      JOIN batches b USING (batch_id)
      JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
$$;

CREATE OR REPLACE FUNCTION file_facts(p_file_id uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$ 
    SELECT f.facts FROM facts_of_files(jsonb_build_array(jsonb_build_object('file_id', p_file_id))) f
$$;

-- Claims queued parts of one step for one attempt each, [{"file_id", "part", "attempt"}, ...]; returns a row for each claimed
-- part. A part that another session holds locked is skipped: it is being claimed, stopped or removed.
CREATE OR REPLACE FUNCTION claim_steps(
    p_step text, p_wake_ups jsonb, p_owner text, p_lease_s double precision, p_durably boolean)
RETURNS SETOF jsonb
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$ -- plans may be made while the tables are small
DECLARE
    claims jsonb;
    file_ids uuid[];
BEGIN
    IF NOT p_durably THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    WITH called AS (
        SELECT s.file_id, s.part
          FROM a_few(p_wake_ups) AS e(one)
         CROSS JOIN LATERAL jsonb_to_record(e.one) AS w(file_id uuid, part integer, attempt integer)
         -- Found by primary key, and only then filtered by state. The planner would prefer the index of queued parts, which
         -- looks small but keeps many dead entries while another session holds an old snapshot.
         CROSS JOIN LATERAL (SELECT o.file_id, o.part, o.state FROM steps o
                              WHERE o.file_id = w.file_id AND o.step = p_step AND o.part = w.part
                                AND o.attempt = w.attempt - 1
                             OFFSET 0 FOR UPDATE SKIP LOCKED) s
         WHERE s.state = 'queued' AND (SELECT f.removed_at IS NULL FROM files f WHERE f.file_id = s.file_id)),
    claimed AS (
        UPDATE steps s
           SET state = 'running', attempt = s.attempt + 1, lease_id = gen_random_uuid(), lease_owner = p_owner,
               lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_s),
               started_at = clock_timestamp(), ended_at = NULL, due_at = NULL, reason = NULL
          FROM called c
         WHERE s.file_id = c.file_id AND s.step = p_step AND s.part = c.part
        RETURNING s.*)
    SELECT jsonb_agg(jsonb_build_object(
               'file_id', c.file_id, 'part', c.part, 'lease_id', c.lease_id, 'attempt', c.attempt,
               'failures_before', c.failures, 'snoozes', c.snoozes, 'losses', c.losses,
               'cost_estimate_s', c.cost_estimate_s, 'redrives', c.redrives,
               'page_numbers', to_jsonb(c.page_numbers))), array_agg(c.file_id)
      INTO claims, file_ids FROM claimed c;
    PERFORM mark_changed(file_ids);
    -- In one query for all: each takes longer to begin than to run.
    RETURN QUERY SELECT f.facts || f.one || jsonb_build_object(
               'part_count', (SELECT count(*) FROM steps o WHERE o.file_id = f.file_id AND o.step = p_step))
      FROM facts_of_files(claims) f;
END $$;
