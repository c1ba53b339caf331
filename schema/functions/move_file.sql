-- Moves a file to another dataset of its tenant. The caller has locked the file's row. Everything that is found by dataset moves
-- with it; the batch stays that of the upload. What extraction found under the former schema is erased, since the target's
-- schema is extracted next. Of the values that a person set, those stay whose field has the same type in the target; the
-- others are set aside and come back when the file does.
-- Returns false, and changes nothing, if the target was removed: a dataset that is being erased gets no file. Waits for a
-- removal of the target that has not ended.
CREATE OR REPLACE FUNCTION move_file(
    p_file files, p_target uuid, p_moved_by text, p_kind text, p_request_id uuid, p_key_id uuid, p_person text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    former records%ROWTYPE;
    kept jsonb := '{}';
    aside jsonb := '{}';
BEGIN
    PERFORM 1 FROM datasets d
      WHERE d.dataset_id = p_target AND d.tenant_id = p_file.tenant_id AND d.removed_at IS NULL FOR KEY SHARE;
    IF NOT FOUND OR p_target = p_file.dataset_id THEN
        RETURN false;
    END IF;
    SELECT * INTO former FROM records r WHERE r.file_id = p_file.file_id;
    IF former.file_id IS NOT NULL THEN
        SELECT o.kept, o.aside INTO kept, aside
          FROM divided_values(former.set_values, properties_of(p_file.dataset_id), properties_of(p_target)) o;
        kept := merged_values(coalesce((SELECT m.set_aside FROM file_moves m
                                         WHERE m.file_id = p_file.file_id AND m.from_dataset_id = p_target
                                         ORDER BY m.move_id DESC LIMIT 1), '{}'), kept);
    END IF;
    DELETE FROM row_values v WHERE v.file_id = p_file.file_id;
    DELETE FROM sender_keys k WHERE k.file_id = p_file.file_id;
    UPDATE similar_keys k SET dataset_id = p_target WHERE k.file_id = p_file.file_id;
    UPDATE records r
       SET dataset_id = p_target, schema_version = (SELECT d.schema_version FROM datasets d WHERE d.dataset_id = p_target),
           fields = '{}', missing = '[]', doubtful = '[]', notes = '[]', evidence = '{}', complete = false, further = '[]',
           remembered = '[]', set_values = kept, review = 'open'
     WHERE r.file_id = p_file.file_id;
    IF former.review <> 'open' THEN
        INSERT INTO record_changes (file_id, tenant_id, action, before, after, key_id, person)
        VALUES (p_file.file_id, p_file.tenant_id, 'review', to_jsonb(former.review), '"open"', p_key_id, p_person);
    END IF;
    INSERT INTO file_moves (file_id, tenant_id, from_dataset_id, to_dataset_id, moved_by, kind, former_kind, set_aside, request_id,
                            key_id, person)
    VALUES (p_file.file_id, p_file.tenant_id, p_file.dataset_id, p_target, p_moved_by, p_kind,
            jsonb_build_object('kind', p_file.kind, 'probability', p_file.kind_probability, 'by', p_file.kind_by),
            aside, p_request_id, p_key_id, p_person);
    UPDATE files f
       SET dataset_id = p_target, updated_at = clock_timestamp(),
           moved = jsonb_build_object('from', p_file.dataset_id, 'by', CASE p_moved_by WHEN 'rule' THEN 'rule' ELSE 'person' END,
                                      'at', time_text(clock_timestamp()))
     WHERE f.file_id = p_file.file_id;
    UPDATE file_changes c SET changed_xid = pg_current_xact_id()::text::bigint, removed = true
     WHERE c.file_id = p_file.file_id AND c.dataset_id = p_file.dataset_id;
    PERFORM join_duties_of_dataset(p_file.file_id);
    RETURN true;
END $$;

-- After a move: plans of the former dataset no longer concern the file, and retention of the new one comes back to it if it has
-- passed files of this age. Runs as a role that may write the tables of both.
CREATE OR REPLACE FUNCTION join_duties_of_dataset(p_file_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    target uuid := (SELECT f.dataset_id FROM files f
                     WHERE f.file_id = p_file_id AND (current_tenant() IS NULL OR f.tenant_id = current_tenant()));
BEGIN
    DELETE FROM plan_files p WHERE p.file_id = p_file_id AND target IS NOT NULL;
    UPDATE purge_marks m
       SET reached = coalesce((SELECT f.file_id FROM files f
                                WHERE f.dataset_id = target AND f.removed_at IS NULL AND f.file_id < p_file_id
                                ORDER BY f.file_id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000')
     WHERE m.dataset_id = target AND m.reached >= p_file_id;
END $$;
ALTER FUNCTION join_duties_of_dataset(uuid) OWNER TO fairway_worker;

-- The properties of a dataset's current schema.
CREATE OR REPLACE FUNCTION properties_of(p_dataset_id uuid) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(v.schema::jsonb -> 'properties', '{}') FROM datasets d
      JOIN schema_versions v ON v.dataset_id = d.dataset_id AND v.version = d.schema_version
     WHERE d.dataset_id = p_dataset_id
$$;

-- The values that a person set, {"1": {"total": {...}}}, divided into those whose property has the same type in both schemas
-- and the others.
CREATE OR REPLACE FUNCTION divided_values(p_set_values jsonb, p_before jsonb, p_after jsonb)
RETURNS TABLE (kept jsonb, aside jsonb)
LANGUAGE sql IMMUTABLE AS $$
    WITH each_value AS (
        SELECT d.key AS document, v.key AS field, v.value,
               p_after ? v.key AND (p_after #> ARRAY[v.key, 'type']) IS NOT DISTINCT FROM (p_before #> ARRAY[v.key, 'type'])
               AS stays
          FROM jsonb_each(p_set_values) d, jsonb_each(d.value) v),
    documents AS (
        SELECT stays, document, jsonb_object_agg(field, value) AS fields FROM each_value GROUP BY 1, 2)
    SELECT coalesce(jsonb_object_agg(document, fields) FILTER (WHERE stays), '{}'),
           coalesce(jsonb_object_agg(document, fields) FILTER (WHERE NOT stays), '{}') FROM documents
$$;

-- Values of documents, those of p_over in place of the same ones of p_under.
CREATE OR REPLACE FUNCTION merged_values(p_under jsonb, p_over jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT p_under || coalesce((SELECT jsonb_object_agg(o.key, coalesce(p_under -> o.key, '{}') || o.value)
                                  FROM jsonb_each(p_over) o), '{}')
$$;

-- Moves a file by a rule, in the transaction that records the end of its routing. p_routed: {"from", "to"?, "kind"}.
-- Returns why the file stays although a rule applies, or NULL.
CREATE OR REPLACE FUNCTION move_by_rule(p_file files, p_routed jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_routed ->> 'to' IS NULL OR p_file.dataset_id <> (p_routed ->> 'from')::uuid OR p_file.state = 'cancelled'
       OR EXISTS (SELECT 1 FROM datasets d WHERE d.dataset_id = p_file.dataset_id AND d.removed_at IS NOT NULL)
       OR move_file(p_file, (p_routed ->> 'to')::uuid, 'rule', p_routed ->> 'kind', NULL, NULL, NULL) THEN
        RETURN NULL;
    END IF;
    RETURN 'the file stays: the dataset to which a rule sends it was removed';
END $$;

-- Moves a live file at a person's request. p_home: the dataset whose rules are taught, p_kind: what the file is, if that is
-- known. Returns false if the target was removed.
CREATE OR REPLACE FUNCTION move_by_person(
    p_tenant_id uuid, p_file_id uuid, p_target uuid, p_home uuid, p_kind text, p_request_id uuid, p_key_id uuid, p_person text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_file files%ROWTYPE;
BEGIN
    SELECT * INTO the_file FROM files f
     WHERE f.tenant_id = p_tenant_id AND f.file_id = p_file_id AND f.removed_at IS NULL FOR UPDATE;
    IF NOT FOUND OR NOT move_file(the_file, p_target, 'person', p_kind, p_request_id, p_key_id, p_person) THEN
        RETURN false;
    END IF;
    DELETE FROM kind_lessons k WHERE k.file_id = p_file_id AND (k.dataset_id <> p_home OR p_kind IS NULL);
    IF p_kind IS NOT NULL THEN
        INSERT INTO kind_lessons AS k (dataset_id, file_id, tenant_id, kind, taught_by)
        VALUES (p_home, p_file_id, p_tenant_id, p_kind, 'move')
        ON CONFLICT (dataset_id, file_id) DO UPDATE
           SET kind = excluded.kind, taught_by = excluded.taught_by, taught_at = excluded.taught_at;
        UPDATE files f SET kind = p_kind, kind_probability = 100, kind_by = 'person' WHERE f.file_id = p_file_id;
    END IF;
    RETURN true;
END $$;

-- Moves a file back to where a request took it from, and forgets what the request taught. Returns false if that dataset was
-- removed, or if the file was moved again or removed since.
CREATE OR REPLACE FUNCTION undo_move(p_tenant_id uuid, p_move_id uuid, p_key_id uuid, p_person text) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    undone file_moves%ROWTYPE;
    the_file files%ROWTYPE;
BEGIN
    SELECT * INTO undone FROM file_moves m WHERE m.tenant_id = p_tenant_id AND m.move_id = p_move_id;
    SELECT * INTO the_file FROM files f
     WHERE f.tenant_id = p_tenant_id AND f.file_id = undone.file_id AND f.removed_at IS NULL FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT 1 FROM file_moves m WHERE m.file_id = undone.file_id AND m.move_id > p_move_id)
       OR NOT move_file(the_file, undone.from_dataset_id, 'undo', undone.kind, NULL, p_key_id, p_person) THEN
        RETURN false;
    END IF;
    DELETE FROM kind_lessons k WHERE k.file_id = undone.file_id;
    UPDATE files f
       SET kind = undone.former_kind ->> 'kind', kind_probability = (undone.former_kind ->> 'probability')::real,
           kind_by = undone.former_kind ->> 'by'
     WHERE f.file_id = undone.file_id;
    UPDATE file_moves m SET undone_at = clock_timestamp() WHERE m.move_id = p_move_id;
    RETURN true;
END $$;

-- Learns from the reviews of files that a rule has moved: an approved record shows that the rule was right.
CREATE OR REPLACE FUNCTION learn_from_reviews(p_file_ids uuid[]) RETURNS void
LANGUAGE sql VOLATILE AS $$
    DELETE FROM kind_lessons k USING records r
     WHERE k.file_id = ANY (p_file_ids) AND k.taught_by = 'approval' AND r.file_id = k.file_id AND r.review <> 'approved';
    INSERT INTO kind_lessons (dataset_id, file_id, tenant_id, kind, taught_by)
    SELECT (f.moved ->> 'from')::uuid, f.file_id, f.tenant_id, f.kind, 'approval'
      FROM files f JOIN records r USING (file_id)
     WHERE f.file_id = ANY (p_file_ids) AND f.moved ->> 'by' = 'rule' AND f.kind IS NOT NULL AND r.review = 'approved'
    ON CONFLICT DO NOTHING;
$$;

-- A dataset and those to which its rules send files: content that one of them has was sent here before.
CREATE OR REPLACE FUNCTION dataset_and_targets(p_dataset_id uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE AS $$
    SELECT p_dataset_id
    UNION
    SELECT t.value::uuid FROM datasets d, jsonb_each_text(d.routing) t WHERE d.dataset_id = p_dataset_id
$$;
