-- Removes a dataset: it is hidden at once, with all its files. A part of the files is marked at once; upkeep marks the others
-- (remove_rest_of_datasets). Returns no row if there is no such dataset. The dataset's row is locked, so that a batch that is
-- being created in it is seen, or sees the removal.
CREATE OR REPLACE FUNCTION remove_dataset(p_tenant_id uuid, p_dataset_id uuid, p_undo_s double precision, p_most integer)
RETURNS TABLE (removal_id uuid, file_count integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    made uuid;
BEGIN
    PERFORM 1 FROM datasets d
      WHERE d.tenant_id = p_tenant_id AND d.dataset_id = p_dataset_id AND d.removed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO removals (tenant_id, dataset_id, whole_dataset, erase_after)
    VALUES (p_tenant_id, p_dataset_id, true, now() + make_interval(secs => p_undo_s))
    RETURNING removals.removal_id INTO made;
    UPDATE datasets d SET removed_at = now(), removal_id = made WHERE d.dataset_id = p_dataset_id;
    PERFORM remove_files_of_dataset(made, p_dataset_id, p_most);
    RETURN QUERY SELECT r.removal_id, r.file_count FROM removals r WHERE r.removal_id = made;
END $$;

-- Marks some live files of a dataset as removed. Returns their number.
CREATE OR REPLACE FUNCTION remove_files_of_dataset(p_removal_id uuid, p_dataset_id uuid, p_most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    chosen uuid[];
BEGIN
    SELECT array_agg(l.file_id ORDER BY l.file_id) INTO chosen FROM (
        SELECT f.file_id FROM files f WHERE f.dataset_id = p_dataset_id AND f.removed_at IS NULL
         ORDER BY f.file_id DESC LIMIT p_most) l;
    IF chosen IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM 1 FROM files f WHERE f.file_id = ANY (chosen) ORDER BY f.file_id FOR UPDATE;
    PERFORM stop_steps(chosen, true);
    UPDATE files f SET removed_at = clock_timestamp(), removal_id = p_removal_id, updated_at = clock_timestamp()
     WHERE f.file_id = ANY (chosen) AND f.removed_at IS NULL;
    -- A file that was created while the dataset was removed: the erasure is not complete.
    UPDATE removals r SET file_count = r.file_count + cardinality(chosen), erased_at = NULL
     WHERE r.removal_id = p_removal_id;
    RETURN cardinality(chosen);
END $$;

-- Marks files of removed datasets that are still live; and forgets the name and schemas of datasets whose files are erased.
-- Returns the number of files.
CREATE OR REPLACE FUNCTION remove_rest_of_datasets(p_most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    removal record;
    marked integer := 0;
BEGIN
    FOR removal IN
        SELECT r.removal_id, r.dataset_id FROM removals r
         WHERE r.whole_dataset AND r.undone_at IS NULL
           AND EXISTS (SELECT 1 FROM files f WHERE f.dataset_id = r.dataset_id AND f.removed_at IS NULL)
         ORDER BY r.removal_id LIMIT 10 FOR UPDATE OF r SKIP LOCKED
    LOOP
        marked := marked + remove_files_of_dataset(removal.removal_id, removal.dataset_id, p_most - marked);
        EXIT WHEN marked >= p_most;
    END LOOP;
    WITH erased AS (
        UPDATE datasets d SET name = 'erased' FROM removals r
         WHERE r.whole_dataset AND r.undone_at IS NULL AND r.erased_at IS NOT NULL
           AND d.removal_id = r.removal_id AND d.name <> 'erased' RETURNING d.dataset_id)
    UPDATE schema_versions v SET schema = '{}' FROM erased e WHERE v.dataset_id = e.dataset_id;
    RETURN marked;
END $$;
