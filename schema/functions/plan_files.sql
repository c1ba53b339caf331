-- The shard of a file, from 0.
CREATE OR REPLACE FUNCTION shard_of(p_file_id uuid, p_shards integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT (hashtextextended(p_file_id::text, 0) & 2147483647)::integer % p_shards $$;

-- Files of a dataset that a plan chooses, in the order of their ids: settled ones that have a record, or that failed, and whose
-- text was not erased. p_chosen: {"state", "batch_id", "older_schema"}, each optional.
CREATE OR REPLACE FUNCTION chosen_files(
    p_dataset_id uuid, p_chosen jsonb, p_after uuid, p_shard integer, p_shards integer, p_limit integer)
RETURNS TABLE (file_id uuid)
LANGUAGE sql STABLE SET plan_cache_mode = force_custom_plan AS $$
    SELECT f.file_id FROM files f
     WHERE f.dataset_id = p_dataset_id AND f.removed_at IS NULL AND f.file_id > p_after
       AND f.state IN ('done', 'partial', 'failed') AND f.uploaded_at IS NOT NULL AND f.text_erased_at IS NULL
       AND (p_chosen ->> 'state' IS NULL OR f.state = p_chosen ->> 'state')
       AND (p_chosen ->> 'batch_id' IS NULL OR f.batch_id = (p_chosen ->> 'batch_id')::uuid)
       AND (p_shards = 1 OR shard_of(f.file_id, p_shards) = p_shard)
       AND ((p_chosen ->> 'older_schema')::boolean IS NOT TRUE OR EXISTS (
            SELECT 1 FROM records r JOIN datasets d USING (dataset_id)
             WHERE r.file_id = f.file_id AND r.schema_version < d.schema_version))
     ORDER BY f.file_id LIMIT p_limit
$$;

-- Makes a file run again from a step, for a plan, and keeps its former record. Returns 'started', 'done' if that was done before,
-- or 'impossible'. The caller applies the plan of its steps in the same transaction.
CREATE OR REPLACE FUNCTION process_again(
    p_plan_id uuid, p_shard integer, p_file_id uuid, p_steps text[], p_earlier text[], p_forgotten_sources text[])
RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_file files%ROWTYPE;
BEGIN
    SELECT * INTO the_file FROM files f WHERE f.file_id = p_file_id AND f.removed_at IS NULL FOR UPDATE;
    IF EXISTS (SELECT 1 FROM plan_files p WHERE p.plan_id = p_plan_id AND p.file_id = p_file_id) THEN
        RETURN 'done';
    END IF;
    IF the_file.file_id IS NULL OR the_file.state NOT IN ('done', 'partial', 'failed') THEN
        RETURN 'impossible';
    END IF;
    INSERT INTO plan_files (plan_id, file_id, tenant_id, shard, state, former)
    SELECT p_plan_id, p_file_id, the_file.tenant_id, p_shard, 'applying', jsonb_build_object(
               'record', (SELECT to_jsonb(r) FROM records r WHERE r.file_id = p_file_id),
               'file', jsonb_build_object('state', the_file.state, 'error_step', the_file.error_step,
                                          'error_code', the_file.error_code, 'error_detail', the_file.error_detail));
    IF NOT redrive_file(p_file_id, p_steps, p_earlier, true, p_forgotten_sources) THEN
        DELETE FROM plan_files p WHERE p.plan_id = p_plan_id AND p.file_id = p_file_id;
        RETURN 'impossible';
    END IF;
    RETURN 'started';
END $$;

-- Restores the former records and states of the next files of a plan. What a person has set is not part of them. Returns the
-- number of restored files, and of those that are still being processed.
CREATE OR REPLACE FUNCTION restore_records(p_plan_id uuid, p_limit integer) RETURNS TABLE (restored integer, busy integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    chosen record;
BEGIN
    restored := 0;
    FOR chosen IN
        SELECT p.file_id, p.former FROM plan_files p JOIN files f USING (file_id)
         WHERE p.plan_id = p_plan_id AND p.state IN ('applying', 'applied')
           AND (f.state NOT IN ('processing', 'uploading') OR f.removed_at IS NOT NULL)
         ORDER BY p.file_id LIMIT p_limit
    LOOP
        -- Its state is checked again: since it was read, a person may have started it.
        PERFORM 1 FROM files f
         WHERE f.file_id = chosen.file_id AND (f.state NOT IN ('processing', 'uploading') OR f.removed_at IS NOT NULL)
           FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        IF chosen.former -> 'record' = 'null' THEN
            DELETE FROM records r WHERE r.file_id = chosen.file_id;
        ELSE
            UPDATE records r
               SET schema_version = b.schema_version, fields = b.fields, missing = b.missing, doubtful = b.doubtful,
                   notes = b.notes, evidence = b.evidence, complete = b.complete, further = b.further,
                   found_by = b.found_by, remembered = coalesce(b.remembered, '[]'), lost = b.lost, version = r.version + 1
              FROM jsonb_populate_record(NULL::records, chosen.former -> 'record') b
             WHERE r.file_id = chosen.file_id;
        END IF;
        UPDATE files f
           SET state = chosen.former #>> '{file,state}', error_step = chosen.former #>> '{file,error_step}',
               error_code = chosen.former #>> '{file,error_code}', error_detail = chosen.former #>> '{file,error_detail}',
               updated_at = clock_timestamp()
         WHERE f.file_id = chosen.file_id AND f.removed_at IS NULL;
        UPDATE plan_files p SET state = 'rolled_back' WHERE p.plan_id = p_plan_id AND p.file_id = chosen.file_id;
        restored := restored + 1;
    END LOOP;
    busy := (SELECT count(*) FROM plan_files p WHERE p.plan_id = p_plan_id AND p.state IN ('applying', 'applied'));
    RETURN NEXT;
END $$;

-- Sets the settings of a dataset that p_settings has.
CREATE OR REPLACE FUNCTION set_settings(p_dataset_id uuid, p_settings jsonb) RETURNS void
LANGUAGE sql VOLATILE AS $$
    UPDATE datasets d
       SET reading = coalesce(p_settings ->> 'reading', d.reading),
           date_order = coalesce(p_settings ->> 'date_order', d.date_order),
           several = coalesce(p_settings ->> 'several', d.several),
           sure_from = coalesce((p_settings ->> 'sure_from')::real, d.sure_from)
     WHERE d.dataset_id = p_dataset_id AND p_settings <> '{}'
$$;

-- Gives a dataset the settings of a plan, and its schema as a new version, once.
CREATE OR REPLACE FUNCTION apply_schema(p_plan_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    plan plans%ROWTYPE;
    raised integer;
BEGIN
    SELECT * INTO plan FROM plans p WHERE p.plan_id = p_plan_id FOR UPDATE;
    IF plan.former_settings IS NULL THEN
        UPDATE plans p SET former_settings = (SELECT coalesce(jsonb_object_agg(s.name, to_jsonb(d) -> s.name), '{}')
                                                FROM datasets d, jsonb_object_keys(plan.settings) s (name)
                                               WHERE d.dataset_id = plan.dataset_id)
         WHERE p.plan_id = p_plan_id;
        PERFORM set_settings(plan.dataset_id, plan.settings);
    END IF;
    IF plan.schema IS NULL OR plan.schema_version IS NOT NULL THEN
        RETURN;
    END IF;
    UPDATE datasets d SET schema_version = d.schema_version + 1 WHERE d.dataset_id = plan.dataset_id
    RETURNING d.schema_version INTO raised;
    INSERT INTO schema_versions (dataset_id, version, tenant_id, schema)
    VALUES (plan.dataset_id, raised, plan.tenant_id, plan.schema);
    UPDATE plans p SET former_version = raised - 1, schema_version = raised WHERE p.plan_id = p_plan_id;
END $$;

-- Gives a dataset the settings back that it had before a plan was applied, and the schema as a new version, each unless it was
-- changed since.
CREATE OR REPLACE FUNCTION restore_schema(p_plan_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    plan plans%ROWTYPE;
BEGIN
    SELECT * INTO plan FROM plans p WHERE p.plan_id = p_plan_id FOR UPDATE;
    UPDATE datasets d SET schema_version = d.schema_version + 1
     WHERE d.dataset_id = plan.dataset_id AND d.schema_version = plan.schema_version;
    IF FOUND THEN
        INSERT INTO schema_versions (dataset_id, version, tenant_id, schema)
        SELECT v.dataset_id, plan.schema_version + 1, v.tenant_id, v.schema FROM schema_versions v
         WHERE v.dataset_id = plan.dataset_id AND v.version = plan.former_version;
    END IF;
    PERFORM set_settings(plan.dataset_id, (
        SELECT jsonb_object_agg(former.key, former.value)
          FROM jsonb_each(plan.former_settings) former, datasets d
         WHERE d.dataset_id = plan.dataset_id AND to_jsonb(d) -> former.key = plan.settings -> former.key));
    UPDATE plans p SET state = 'rolled_back' WHERE p.plan_id = p_plan_id;
END $$;
