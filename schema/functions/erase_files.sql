-- Erases the rows of removed files and all rows that belong to them, leaves a tombstone for each file, and updates the removal:
-- its counts, and the time of a second search for its objects, after the last URL and lease have expired.
CREATE OR REPLACE FUNCTION erase_files(p_removal_id uuid, p_file_ids uuid[], p_objects bigint) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    erased bigint;
    last_writer timestamptz;
BEGIN
    PERFORM 1 FROM files WHERE file_id = ANY (p_file_ids) ORDER BY file_id FOR UPDATE;
    INSERT INTO tombstones (file_id, tenant_id, removal_id)
    SELECT f.file_id, f.tenant_id, f.removal_id FROM files f
     WHERE f.file_id = ANY (p_file_ids) AND f.removal_id = p_removal_id
    ON CONFLICT DO NOTHING;
    SELECT count(*) + (SELECT count(*) FROM steps WHERE file_id = ANY (p_file_ids))
                    + (SELECT count(*) FROM attempts WHERE file_id = ANY (p_file_ids))
                    + (SELECT count(*) FROM pages WHERE file_id = ANY (p_file_ids))
                    + (SELECT count(*) FROM windows WHERE file_id = ANY (p_file_ids))
                    + (SELECT count(*) FROM artifacts WHERE file_id = ANY (p_file_ids))
                    + (SELECT count(*) FROM records WHERE file_id = ANY (p_file_ids)),
           greatest(max(upload_until),
                    (SELECT max(lease_expires_at) FROM steps WHERE file_id = ANY (p_file_ids)))
      INTO erased, last_writer FROM files WHERE file_id = ANY (p_file_ids) AND removal_id = p_removal_id;
    DELETE FROM files WHERE file_id = ANY (p_file_ids) AND removal_id = p_removal_id;
    UPDATE removals r
       SET objects_erased = r.objects_erased + p_objects, rows_erased = r.rows_erased + erased,
           sweep_after = greatest(r.sweep_after, last_writer, clock_timestamp()),
           erased_at = CASE WHEN NOT EXISTS (SELECT 1 FROM files f WHERE f.removal_id = p_removal_id)
                            THEN clock_timestamp() END
     WHERE r.removal_id = p_removal_id;
END $$;
