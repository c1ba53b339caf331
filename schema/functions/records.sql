-- The values of a record: those that a person set take precedence over those that extraction found.
CREATE OR REPLACE FUNCTION values_of_record(p_fields jsonb, p_set_values jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_set_values = '{}' THEN p_fields
                ELSE p_fields || coalesce((SELECT jsonb_object_agg(s.key, s.value -> 'value')
                                             FROM jsonb_each(p_set_values -> '1') s), '{}') END
$$;

-- A trigger on `records`: counts the version, which clients compare before they change a record. A review holds for the values
-- that the person saw: when they change, it ends.
CREATE OR REPLACE FUNCTION note_changed_record() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (new.schema_version, new.fields, new.missing, new.doubtful, new.notes, new.evidence, new.complete, new.further,
        new.set_values, new.review)
       IS NOT DISTINCT FROM
       (old.schema_version, old.fields, old.missing, old.doubtful, old.notes, old.evidence, old.complete, old.further,
        old.set_values, old.review) THEN
        RETURN new;
    END IF;
    new.version := old.version + 1;
    IF new.review <> 'open' AND new.review = old.review
       AND (values_of_record(new.fields, new.set_values), new.further, new.set_values - '1')
           IS DISTINCT FROM (values_of_record(old.fields, old.set_values), old.further, old.set_values - '1') THEN
        new.review := 'open';
        INSERT INTO record_changes (file_id, tenant_id, action, before, after)
        VALUES (new.file_id, new.tenant_id, 'review', to_jsonb(old.review), '"open"');
    END IF;
    RETURN new;
END $$;
CREATE OR REPLACE TRIGGER changed_record BEFORE UPDATE ON records
    FOR EACH ROW EXECUTE FUNCTION note_changed_record();

-- Stores a person's values of a record, with the history of this change, and notes the file as changed. The caller has locked
-- the file's row. p_changes: [{"action", "field", "before", "after"}].
CREATE OR REPLACE FUNCTION correct_record(
    p_tenant_id uuid, p_file_id uuid, p_document integer, p_set_values jsonb, p_changes jsonb, p_key_id uuid, p_person text)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE records SET set_values = p_set_values WHERE tenant_id = p_tenant_id AND file_id = p_file_id;
    INSERT INTO record_changes (file_id, tenant_id, document, action, field, before, after, key_id, person)
    SELECT p_file_id, p_tenant_id, p_document, c.action, c.field, c.before, c.after, p_key_id, p_person
      FROM jsonb_to_recordset(p_changes) AS c(action text, field text, before jsonb, after jsonb);
    UPDATE files SET updated_at = clock_timestamp() WHERE tenant_id = p_tenant_id AND file_id = p_file_id;
END $$;

-- Sets the review of records of a dataset's live files. Returns the number of files whose review changed, and the number of
-- files that have a record. The changes have p_request_id, by which they can be undone together. Files are locked in the order
-- of their ids, as in every function that locks several.
CREATE OR REPLACE FUNCTION review_records(
    p_tenant_id uuid, p_dataset_id uuid, p_file_ids uuid[], p_review text, p_request_id uuid, p_key_id uuid, p_person text)
RETURNS TABLE (changed integer, found integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    locked uuid[];
    reviewed uuid[];
BEGIN
    SELECT array_agg(l.file_id) INTO locked FROM (
        SELECT f.file_id FROM files f
         WHERE f.tenant_id = p_tenant_id AND f.dataset_id = p_dataset_id AND f.removed_at IS NULL
           AND f.file_id = ANY (p_file_ids) ORDER BY f.file_id FOR UPDATE) l;
    WITH before AS (
        SELECT r.file_id, r.review FROM records r WHERE r.file_id = ANY (locked) AND r.review <> p_review),
    now_reviewed AS (
        UPDATE records r SET review = p_review FROM before b WHERE r.file_id = b.file_id RETURNING r.file_id),
    noted AS (
        INSERT INTO record_changes (file_id, tenant_id, action, before, after, request_id, key_id, person)
        SELECT b.file_id, p_tenant_id, 'review', to_jsonb(b.review), to_jsonb(p_review), p_request_id, p_key_id, p_person
          FROM before b)
    SELECT array_agg(n.file_id) INTO reviewed FROM now_reviewed n;
    UPDATE files f SET updated_at = clock_timestamp() WHERE f.file_id = ANY (reviewed);
    PERFORM learn_from_reviews(reviewed);
    RETURN QUERY SELECT coalesce(cardinality(reviewed), 0),
                        (SELECT count(*)::integer FROM records r WHERE r.file_id = ANY (locked));
END $$;

-- Gives records the review that they had before a request set it. Those whose review was changed since then keep it, so that
-- a second call changes nothing. Returns the dataset, the files that have their former review, and the number of files whose
-- review the request had set; no row if there was no such request.
CREATE OR REPLACE FUNCTION undo_reviews(p_tenant_id uuid, p_request_id uuid, p_key_id uuid, p_person text)
RETURNS TABLE (dataset_id uuid, file_ids uuid[], found integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    locked uuid[];
    undone uuid[];
BEGIN
    SELECT array_agg(l.file_id) INTO locked FROM (
        SELECT f.file_id FROM files f
         WHERE f.tenant_id = p_tenant_id AND f.removed_at IS NULL
           AND f.file_id IN (SELECT c.file_id FROM record_changes c
                              WHERE c.tenant_id = p_tenant_id AND c.request_id = p_request_id)
         ORDER BY f.file_id FOR UPDATE) l;
    WITH set_then AS (
        SELECT c.file_id, c.before, c.after
          FROM record_changes c JOIN records r ON r.file_id = c.file_id
         WHERE c.tenant_id = p_tenant_id AND c.request_id = p_request_id AND c.file_id = ANY (locked)
           AND to_jsonb(r.review) = c.after
           AND NOT EXISTS (SELECT FROM record_changes later
                            WHERE later.file_id = c.file_id AND later.action = 'review' AND later.change_id > c.change_id)),
    now_undone AS (
        UPDATE records r SET review = s.before #>> '{}' FROM set_then s WHERE r.file_id = s.file_id RETURNING r.file_id),
    noted AS (
        INSERT INTO record_changes (file_id, tenant_id, action, before, after, key_id, person)
        SELECT s.file_id, p_tenant_id, 'review', s.after, s.before, p_key_id, p_person FROM set_then s)
    SELECT array_agg(n.file_id) INTO undone FROM now_undone n;
    UPDATE files f SET updated_at = clock_timestamp() WHERE f.file_id = ANY (undone);
    PERFORM learn_from_reviews(undone);
    RETURN QUERY
    SELECT f.dataset_id, coalesce(undone, '{}'), count(*)::integer
      FROM record_changes c JOIN files f ON f.file_id = c.file_id
     WHERE c.tenant_id = p_tenant_id AND c.request_id = p_request_id
     GROUP BY f.dataset_id;
END $$;

-- A time as the API shows it.
CREATE OR REPLACE FUNCTION time_text(p_moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(p_moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
