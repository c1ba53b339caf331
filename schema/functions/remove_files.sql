-- Removes files, by list or by batch: a mark that takes them out of every listing, and the end of what has not
-- run of them. Steps at work end at their next write. A file's row is locked before its steps are looked at, as
-- everyone does who readies steps, so that none is readied behind our back.
CREATE OR REPLACE FUNCTION remove_files(
    p_tenant_id uuid, p_dataset_id uuid, p_file_ids uuid[], p_batch_id uuid, p_undo_s double precision)
RETURNS TABLE (removal_id uuid, file_count integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    chosen uuid[];
    made uuid;
BEGIN
    SELECT array_agg(l.file_id) INTO chosen FROM (
        SELECT f.file_id FROM files f
         WHERE f.tenant_id = p_tenant_id AND f.dataset_id = p_dataset_id AND f.removed_at IS NULL
           AND (f.file_id = ANY (p_file_ids) OR f.batch_id = p_batch_id)
         ORDER BY f.file_id FOR UPDATE) l;
    INSERT INTO removals (tenant_id, dataset_id, file_count, erase_after)
    VALUES (p_tenant_id, p_dataset_id, coalesce(cardinality(chosen), 0), now() + make_interval(secs => p_undo_s))
    RETURNING removals.removal_id INTO made;
    UPDATE files f SET removed_at = clock_timestamp(), removal_id = made, updated_at = clock_timestamp()
     WHERE f.file_id = ANY (chosen);
    UPDATE steps s SET state = 'cancelled', due_at = NULL, ended_at = clock_timestamp()
     WHERE s.file_id = ANY (chosen) AND s.state IN ('waiting', 'ready', 'queued', 'retrying', 'parked');
    RETURN QUERY SELECT made, coalesce(cardinality(chosen), 0);
END $$;

-- Cancels what has not run of a batch: files that are not settled, and their steps that are not at work.
CREATE OR REPLACE FUNCTION cancel_batch(p_tenant_id uuid, p_batch_id uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    chosen uuid[];
BEGIN
    UPDATE batches SET cancelled_at = coalesce(cancelled_at, now())
     WHERE tenant_id = p_tenant_id AND batch_id = p_batch_id;
    SELECT array_agg(l.file_id) INTO chosen FROM (
        SELECT f.file_id FROM files f
         WHERE f.tenant_id = p_tenant_id AND f.batch_id = p_batch_id AND f.removed_at IS NULL
           AND f.state IN ('uploading', 'upload_missing', 'processing')
         ORDER BY f.file_id FOR UPDATE) l;
    UPDATE files f SET state = 'cancelled', updated_at = clock_timestamp() WHERE f.file_id = ANY (chosen);
    UPDATE steps s SET state = 'cancelled', due_at = NULL, ended_at = clock_timestamp()
     WHERE s.file_id = ANY (chosen) AND s.state IN ('waiting', 'ready', 'queued', 'retrying', 'parked');
    RETURN coalesce(cardinality(chosen), 0);
END $$;
