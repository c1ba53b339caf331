-- The state of unfinished multipart uploads, by object key and upload id, according to the rows. One row each, in their order:
--   'awaited'   the file waits for this upload
--   'replaced'  the file waits for bytes, but of another upload
--   'ended'     the file has arrived, is cancelled, was missed or was removed; with the removal
--   'unknown'   no file has or had such an object
CREATE OR REPLACE FUNCTION upload_verdicts(p_keys text[], p_upload_ids text[])
RETURNS TABLE (index bigint, verdict text, removal_id uuid)
LANGUAGE sql STABLE AS $$
    SELECT k.index,
           CASE WHEN f.file_id IS NULL THEN CASE WHEN t.file_id IS NULL THEN 'unknown' ELSE 'ended' END
                WHEN f.state <> 'uploading' OR f.removed_at IS NOT NULL THEN 'ended'
                WHEN f.multipart_id = k.upload_id THEN 'awaited'
                ELSE 'replaced' END,
           coalesce(f.removal_id, t.removal_id)
      FROM (SELECT u.key, u.upload_id, u.index,
                   CASE WHEN u.key ~ '^originals/[^/]+/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                        THEN split_part(u.key, '/', 3)::uuid END AS file_id
              FROM unnest(p_keys, p_upload_ids) WITH ORDINALITY AS u(key, upload_id, index)) k
      LEFT JOIN files f ON f.file_id = k.file_id AND f.object_key = k.key
      LEFT JOIN tombstones t ON t.file_id = k.file_id
$$;
