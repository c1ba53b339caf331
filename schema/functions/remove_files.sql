-- Removes files, by list or by batch: marks them, so that no listing has them, and cancels the steps that are not running. A
-- running step ends at its next write. A file's row is locked before its steps are read, as in every function that makes
-- steps ready, so that none becomes ready during this.
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
    PERFORM stop_steps(chosen, true);
    UPDATE files f SET removed_at = clock_timestamp(), removal_id = made, updated_at = clock_timestamp()
     WHERE f.file_id = ANY (chosen);
    RETURN QUERY SELECT made, coalesce(cardinality(chosen), 0);
END $$;

-- Cancels the steps of files that are not running. p_may_come_back: remembers the state to which an undo restores them.
CREATE OR REPLACE FUNCTION stop_steps(p_file_ids uuid[], p_may_come_back boolean) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE steps s
       SET state = 'cancelled', due_at = NULL, ended_at = clock_timestamp(),
           stopped_from = CASE WHEN NOT p_may_come_back THEN NULL
                               WHEN s.state = 'waiting' THEN 'waiting' ELSE 'ready' END
     WHERE s.file_id = ANY (p_file_ids) AND s.state IN ('waiting', 'ready', 'queued', 'retrying', 'parked')
$$;

-- Undoes a removal: restores every file that it removed, every step that it cancelled, and a removed dataset. Returns the number of files, or
-- NULL if the time for an undo is over or erasure has begun.
CREATE OR REPLACE FUNCTION undo_removal(p_tenant_id uuid, p_removal_id uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    chosen uuid[];
    lane record;
BEGIN
    UPDATE removals SET undone_at = now()
     WHERE tenant_id = p_tenant_id AND removal_id = p_removal_id
       AND undone_at IS NULL AND erasing_at IS NULL AND erase_after > now();
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE datasets SET removed_at = NULL, removal_id = NULL
     WHERE tenant_id = p_tenant_id AND removal_id = p_removal_id;
    SELECT array_agg(l.file_id) INTO chosen FROM (
        SELECT f.file_id FROM files f WHERE f.removal_id = p_removal_id ORDER BY f.file_id FOR UPDATE) l;
    FOR lane IN
        WITH back AS (
            UPDATE steps s
               SET state = s.stopped_from, stopped_from = NULL, ended_at = NULL,
                   ready_at = CASE WHEN s.stopped_from = 'ready' THEN clock_timestamp() END
             WHERE s.file_id = ANY (chosen) AND s.state = 'cancelled' AND s.stopped_from IS NOT NULL
            RETURNING s.step, s.tenant_id, s.batch_id, s.state)
        SELECT DISTINCT b.step, b.tenant_id, b.batch_id FROM back b WHERE b.state = 'ready' ORDER BY 1, 2, 3
    LOOP
        PERFORM activate_lane(lane.step, lane.tenant_id, lane.batch_id);
    END LOOP;
    UPDATE files SET removed_at = NULL, removal_id = NULL, updated_at = clock_timestamp()
     WHERE file_id = ANY (chosen);
    RETURN coalesce(cardinality(chosen), 0);
END $$;

-- Cancels the files of a batch that are not settled, and their steps that are not running. Returns the number of files.
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
    PERFORM stop_steps(chosen, false);
    UPDATE files f SET state = 'cancelled', updated_at = clock_timestamp() WHERE f.file_id = ANY (chosen);
    RETURN coalesce(cardinality(chosen), 0);
END $$;
