-- Creates files for the members of an archive or the parts of a scan, [{"place", "name", "size_bytes", "sha256", "first_page"?,
-- "last_page"?}, ...], in the batch of the archive, fenced by the lease of the step that unpacks it. `place` is the member's index in the archive. Calling it again creates nothing
-- new. Returns a row for each file, with the object key if the object is not stored yet. Content that is already verified in
-- the dataset is omitted, unless the batch allows duplicates.
CREATE OR REPLACE FUNCTION add_members(
    p_file_id uuid, p_step text, p_part integer, p_lease_id uuid, p_members jsonb, p_upload_s double precision)
RETURNS TABLE (place integer, object_key text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    archive files%ROWTYPE;
    duplicates boolean;
BEGIN
    SELECT * INTO archive FROM files WHERE file_id = p_file_id AND removed_at IS NULL FOR UPDATE;
    IF NOT FOUND OR NOT EXISTS (
        SELECT 1 FROM steps s WHERE s.file_id = p_file_id AND s.step = p_step AND s.part = p_part
                                AND s.state = 'running' AND s.lease_id = p_lease_id) THEN
        RETURN;
    END IF;
    SELECT b.allow_duplicates INTO duplicates FROM batches b WHERE b.batch_id = archive.batch_id;

    INSERT INTO files (file_id, tenant_id, dataset_id, batch_id, name, declared_size_bytes, declared_sha256,
                       object_key, upload_until, archive_id, archive_place,
                       first_page, last_page)
    SELECT n.file_id, archive.tenant_id, archive.dataset_id, archive.batch_id, n.name, n.size_bytes, n.sha256,
           'originals/' || archive.tenant_id || '/' || n.file_id, clock_timestamp() + make_interval(secs => p_upload_s),
           p_file_id, n.place, n.first_page, n.last_page
      FROM (SELECT uuidv7() AS file_id, m.*
              FROM jsonb_to_recordset(p_members) AS m(place integer, name text, size_bytes bigint, sha256 text,
                                                           first_page integer, last_page integer)
             ORDER BY m.place) n
     WHERE duplicates OR NOT EXISTS (
           SELECT 1 FROM dataset_and_targets(archive.dataset_id) d JOIN files f ON f.dataset_id = d
            WHERE f.sha256 = n.sha256 AND f.removed_at IS NULL AND f.archive_id IS DISTINCT FROM p_file_id)
    ON CONFLICT (archive_id, archive_place) WHERE archive_id IS NOT NULL DO NOTHING;

    RETURN QUERY
    SELECT f.archive_place,
           CASE WHEN f.state IN ('uploading', 'upload_missing') AND f.removed_at IS NULL THEN f.object_key END
      FROM files f
     WHERE f.archive_id = p_file_id
       AND f.archive_place IN (SELECT (m ->> 'place')::integer FROM jsonb_array_elements(p_members) m);
END $$;
