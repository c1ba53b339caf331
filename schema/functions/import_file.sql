-- Creates the file of an imported object in a batch. Another call for the same object creates nothing new.
-- The verdict is 'store' (the object is to be stored under object_key), 'arrived' (that was done), 'duplicate' (the dataset has
-- the content already, or another import is storing it), or 'cancelled' (the batch was cancelled).
-- Of two calls with the same content at the same time, one waits for the other.
CREATE OR REPLACE FUNCTION import_file(
    p_batch_id uuid, p_source_key text, p_name text, p_size_bytes bigint, p_sha256 text, p_upload_s double precision)
RETURNS TABLE (verdict text, object_key text)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    batch batches%ROWTYPE;
    existing files%ROWTYPE;
    made uuid;
BEGIN
    SELECT * INTO batch FROM batches WHERE batch_id = p_batch_id;
    PERFORM pg_advisory_xact_lock(hashtextextended(batch.dataset_id::text || p_sha256, 11));
    SELECT * INTO existing FROM files f WHERE f.batch_id = p_batch_id AND f.source_key = p_source_key;
    IF existing.file_id IS NOT NULL THEN
        RETURN QUERY SELECT CASE WHEN existing.removed_at IS NULL AND existing.state IN ('uploading', 'upload_missing')
                                 THEN 'store' ELSE 'arrived' END, existing.object_key;
    ELSIF batch.cancelled_at IS NOT NULL THEN
        RETURN QUERY SELECT 'cancelled', NULL::text;
    ELSIF NOT batch.allow_duplicates AND (
          EXISTS (SELECT 1 FROM dataset_and_targets(batch.dataset_id) d JOIN files f ON f.dataset_id = d
                   WHERE f.sha256 = p_sha256 AND f.removed_at IS NULL AND f.original_erased_at IS NULL)
          OR EXISTS (SELECT 1 FROM dataset_and_targets(batch.dataset_id) d JOIN files f ON f.dataset_id = d
                      WHERE f.declared_sha256 = p_sha256
                                             AND f.source_key IS NOT NULL AND f.removed_at IS NULL
                                             AND f.original_erased_at IS NULL)) THEN
        RETURN QUERY SELECT 'duplicate', NULL::text;
    ELSE
        made := uuidv7();
        INSERT INTO files (file_id, tenant_id, dataset_id, batch_id, name, declared_size_bytes, declared_sha256, object_key,
                           upload_until, source_key)
        VALUES (made, batch.tenant_id, batch.dataset_id, p_batch_id, p_name, p_size_bytes, p_sha256,
                'originals/' || batch.tenant_id || '/' || made,
                clock_timestamp() + make_interval(secs => p_upload_s), p_source_key);
        RETURN QUERY SELECT 'store', 'originals/' || batch.tenant_id || '/' || made;
    END IF;
END $$;
