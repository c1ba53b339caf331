-- Purges the next files of a dataset, in the order of their ids, after p_after and before p_before: `originals` (with all
-- artifacts except texts that are stored separately), `text` (with pages), or `records` (the whole files, by a removal that
-- can't be undone). A file whose steps have not all ended keeps its original and its text; it is `unsettled` and comes up
-- again. In the same transaction the receipt of the job is updated.
--   file_ids     the files of which something was erased; their objects are to be deleted now
--   object_keys  the artifacts of these files that no row refers to any more
--   seen         the number of files that were examined; fewer than p_limit: there are no more
-- If the caller dies before it deletes the objects, the audit's walk through the bucket deletes them.
CREATE OR REPLACE FUNCTION purge_files(
    p_job_id uuid, p_dataset_id uuid, p_kind text, p_after uuid, p_before uuid, p_limit integer)
RETURNS TABLE (tenant_id uuid, file_ids uuid[], object_keys text[], seen integer, unsettled integer, reached uuid)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    owner uuid := (SELECT d.tenant_id FROM datasets d WHERE d.dataset_id = p_dataset_id);
    examined uuid[];
    chosen uuid[];
    keys text[] := '{}';
    first_unsettled uuid;
    removal uuid;
    mark uuid;
BEGIN
    SELECT array_agg(l.file_id ORDER BY l.file_id) INTO examined FROM (
        SELECT f.file_id FROM files f
         WHERE f.dataset_id = p_dataset_id AND f.removed_at IS NULL AND f.file_id > p_after AND f.file_id < p_before
         ORDER BY f.file_id LIMIT p_limit FOR UPDATE) l;
    IF p_kind = 'records' THEN
        chosen := examined;
    ELSE
        SELECT array_agg(f.file_id) FILTER (
                   WHERE s.is_settled AND CASE p_kind WHEN 'text' THEN f.text_erased_at IS NULL
                                          ELSE f.original_erased_at IS NULL AND f.uploaded_at IS NOT NULL END),
               (array_agg(f.file_id ORDER BY f.file_id) FILTER (WHERE NOT s.is_settled))[1],
               count(*) FILTER (WHERE NOT s.is_settled)
          INTO chosen, first_unsettled, unsettled
          FROM files f, LATERAL (SELECT f.state NOT IN ('uploading', 'processing') AND NOT EXISTS (
                    SELECT 1 FROM steps s WHERE s.file_id = f.file_id
                       AND s.state NOT IN ('done', 'skipped', 'failed', 'cancelled')) AS is_settled) s
         WHERE f.file_id = ANY (examined);
    END IF;
    IF p_kind = 'records' AND cardinality(chosen) > 0 THEN
        SELECT r.removal_id INTO removal FROM remove_files(owner, p_dataset_id, chosen, NULL, 0) r;
    ELSIF p_kind = 'originals' THEN
        WITH gone AS (
            DELETE FROM artifacts a USING files f
             WHERE f.file_id = a.file_id AND a.file_id = ANY (chosen) AND (a.kind <> 'text' OR a.object_key = f.object_key)
            RETURNING a.object_key, f.object_key AS original)
        SELECT coalesce(array_agg(g.object_key) FILTER (WHERE g.object_key <> g.original), '{}') INTO keys FROM gone g;
        UPDATE files f SET original_erased_at = clock_timestamp(), updated_at = clock_timestamp()
         WHERE f.file_id = ANY (chosen);
    ELSIF p_kind = 'text' THEN
        WITH gone AS (
            DELETE FROM artifacts a USING files f
             WHERE f.file_id = a.file_id AND a.file_id = ANY (chosen) AND a.kind = 'text'
            RETURNING a.object_key, f.object_key AS original)
        SELECT coalesce(array_agg(g.object_key) FILTER (WHERE g.object_key <> g.original), '{}') INTO keys FROM gone g;
        DELETE FROM pages p WHERE p.file_id = ANY (chosen);
        DELETE FROM sender_keys k WHERE k.file_id = ANY (chosen) AND k.of_text;
        DELETE FROM kind_lessons k WHERE k.file_id = ANY (chosen);
        DELETE FROM windows w WHERE w.file_id = ANY (chosen);
        UPDATE files f SET text_erased_at = clock_timestamp(), updated_at = clock_timestamp() WHERE f.file_id = ANY (chosen);
    END IF;
    IF cardinality(chosen) > 0 THEN
        INSERT INTO purges AS p (job_id, tenant_id, dataset_id, kind, files, removal_ids)
        VALUES (p_job_id, owner, p_dataset_id, p_kind, cardinality(chosen), array_remove(ARRAY[removal], NULL))
        ON CONFLICT (job_id, dataset_id, kind) DO UPDATE
           SET files = p.files + excluded.files, removal_ids = p.removal_ids || excluded.removal_ids;
    END IF;
    seen := coalesce(cardinality(examined), 0);
    reached := coalesce(examined[seen], p_after);
    -- The mark stays before the first file that has to come up again, and never goes back.
    mark := (SELECT max(f.id::text)::uuid FROM unnest(examined) f(id) WHERE first_unsettled IS NULL OR f.id < first_unsettled);
    IF mark IS NOT NULL AND p_kind <> 'records' THEN
        INSERT INTO purge_marks AS m (dataset_id, kind, reached) SELECT p_dataset_id, p_kind, mark
         WHERE p_after = coalesce((SELECT k.reached FROM purge_marks k WHERE (k.dataset_id, k.kind) = (p_dataset_id, p_kind)),
                                  '00000000-0000-0000-0000-000000000000')
        ON CONFLICT (dataset_id, kind) DO UPDATE SET reached = excluded.reached WHERE m.reached < excluded.reached;
    END IF;
    tenant_id := owner;
    file_ids := coalesce(chosen, '{}');
    object_keys := keys;
    unsettled := coalesce(unsettled, 0);
    RETURN NEXT;
END $$;
