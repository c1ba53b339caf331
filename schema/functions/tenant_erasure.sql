-- Begins the erasure of a tenant: its keys end, its datasets are removed without an undo, and what was removed before is due.
CREATE OR REPLACE FUNCTION begin_tenant_erasure(p_tenant_id uuid, p_job_id uuid, p_most integer) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE tenants SET erasing_at = coalesce(erasing_at, now()) WHERE tenant_id = p_tenant_id;
    UPDATE api_keys SET revoked_at = now() WHERE tenant_id = p_tenant_id AND revoked_at IS NULL;
    DELETE FROM session_codes WHERE tenant_id = p_tenant_id;
    DELETE FROM readers WHERE tenant_id = p_tenant_id;
    UPDATE jobs SET cancelling = true WHERE tenant_id = p_tenant_id AND job_id <> p_job_id AND ended_at IS NULL;
    UPDATE removals SET erase_after = now()
     WHERE tenant_id = p_tenant_id AND erased_at IS NULL AND undone_at IS NULL AND erase_after > now();
    PERFORM remove_dataset(p_tenant_id, d.dataset_id, 0, p_most)
       FROM (SELECT dataset_id FROM datasets WHERE tenant_id = p_tenant_id AND removed_at IS NULL ORDER BY dataset_id) d;
END $$;

-- The tables with rows of tenants that an erasure empties: all but those of the receipts and of the tenants themselves.
CREATE OR REPLACE FUNCTION tables_of_tenants() RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('tenants', 'tenant_receipts')
     ORDER BY 1
$$;

-- A query of a column `id` (p_what) of the rows that belong to owners, which are the column `id` of another query. The subquery
-- with OFFSET is not joined in another order: each owner is one search by the index of p_column.
CREATE OR REPLACE FUNCTION rows_under(p_owners text, p_table text, p_column text, p_what text DEFAULT 'ctid', p_and text DEFAULT '')
RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT format('SELECT t.id FROM (%s) o CROSS JOIN LATERAL (SELECT x.%I AS id FROM %I x WHERE x.%I = o.id%s OFFSET 0) t',
                  p_owners, p_what, p_table, p_column, p_and)
$$;

-- A query of the places (ctid) of a tenant's rows in a table, as its column `id`, by indexes. $1: the tenant, $2: the job that
-- erases it, whose row is kept.
CREATE OR REPLACE FUNCTION rows_of_tenant(p_table text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    datasets CONSTANT text := 'SELECT dataset_id AS id FROM datasets WHERE tenant_id = $1';
    removals CONSTANT text := 'SELECT removal_id AS id FROM removals WHERE tenant_id = $1';
    events CONSTANT text := 'SELECT event_seq AS id FROM webhook_events WHERE tenant_id = $1';
    batches CONSTANT text := rows_under(datasets, 'batches', 'dataset_id', 'batch_id');
    live CONSTANT text := ' AND x.removed_at IS NULL';
    removed CONSTANT text := ' AND x.removed_at IS NOT NULL';
BEGIN
    RETURN CASE
    WHEN p_table = 'files' THEN rows_under(datasets, 'files', 'dataset_id', 'ctid', live) || ' UNION ALL '
                             || rows_under(removals, 'files', 'removal_id', 'ctid', removed)
    WHEN p_table IN ('steps', 'attempts', 'windows', 'pages', 'artifacts', 'records', 'record_changes', 'row_values', 'sender_keys',
                     'similar_keys', 'file_moves', 'kind_lessons')
    THEN rows_under(rows_under(datasets, 'files', 'dataset_id', 'file_id', live) || ' UNION ALL '
                    || rows_under(removals, 'files', 'removal_id', 'file_id', removed), p_table, 'file_id')
    WHEN p_table IN ('schema_versions', 'batches', 'manifests', 'file_changes', 'purges', 'plans', 'reports', 'dataset_views')
    THEN rows_under(datasets, p_table, 'dataset_id')
    WHEN p_table = 'plan_files' THEN rows_under(rows_under(datasets, 'plans', 'dataset_id', 'plan_id'), p_table, 'plan_id')
    WHEN p_table = 'manifest_duplicates'
    THEN rows_under(rows_under(datasets, 'manifests', 'dataset_id', 'manifest_id'), p_table, 'manifest_id')
    WHEN p_table = 'settled_batch_checks' THEN rows_under(batches, p_table, 'batch_id')
    WHEN p_table = 'tombstones' THEN rows_under(removals, p_table, 'removal_id')
    WHEN p_table IN ('file_counts', 'count_deltas') -- of the tenant, its datasets and their batches
    THEN rows_under('SELECT $1 AS id UNION ALL ' || datasets || ' UNION ALL ' || batches, p_table, 'owner_id')
    WHEN p_table IN ('lanes', 'batch_lanes', 'lane_backlogs') -- their keys begin with the step
    THEN rows_under(format('WITH RECURSIVE s AS ((SELECT step FROM %1$I ORDER BY step LIMIT 1) UNION ALL '
                           'SELECT (SELECT n.step FROM %1$I n WHERE n.step > s.step ORDER BY n.step LIMIT 1) FROM s '
                           'WHERE s.step IS NOT NULL) SELECT step AS id FROM s WHERE step IS NOT NULL', p_table),
                    p_table, 'step', 'ctid', ' AND x.tenant_id = $1')
    WHEN p_table IN ('webhook_deliveries', 'webhook_attempts') THEN rows_under(events, p_table, 'event_seq')
    WHEN p_table = 'jobs' THEN 'SELECT t.ctid AS id FROM jobs t WHERE t.tenant_id = $1 AND t.job_id IS DISTINCT FROM $2'
    ELSE format('SELECT t.ctid AS id FROM %I t WHERE t.tenant_id = $1', p_table)
    END;
END $$;

-- How many files a tenant has, up to p_most, and how many removals whose files may still get objects.
CREATE OR REPLACE FUNCTION left_to_erase(p_tenant_id uuid, p_most integer) RETURNS TABLE (files bigint, removals bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$ -- the statistics may still count the rows that were deleted
#variable_conflict use_column
BEGIN
    EXECUTE 'SELECT count(*) FROM (' || rows_of_tenant('files') || ' LIMIT $2) l' INTO files USING p_tenant_id, p_most;
    SELECT count(*) INTO removals FROM removals r
     WHERE r.tenant_id = p_tenant_id AND r.undone_at IS NULL AND (r.erased_at IS NULL OR r.swept_at IS NULL) AND r.file_count > 0;
    RETURN NEXT;
END $$;

-- Deletes up to p_limit rows of a tenant in each table, and adds them to the receipt. The tables by which the rows of others are
-- found come last, and only in a call that finds nothing else; files come first, because only transactions that lock a file
-- write rows that do not refer to it. A table whose rows others still refer to is left for the next call. Returns the number of
-- rows that were deleted, and of tables that were left.
CREATE OR REPLACE FUNCTION erase_tenant_rows(p_tenant_id uuid, p_job_id uuid, p_limit integer)
RETURNS TABLE (erased bigint, tables_left integer)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    -- In this order: each is found by a later one, or refers to it.
    lead_to_others CONSTANT text[] := ARRAY['webhook_events', 'batches', 'removals', 'datasets'];
    name text;
    place integer;
    rows_found text;
    deleted bigint;
    counts jsonb;
BEGIN
    SELECT coalesce(r.erased -> 'rows', '{}') INTO counts FROM tenant_receipts r WHERE r.receipt_id = p_job_id FOR UPDATE;
    UPDATE datasets SET removal_id = NULL WHERE tenant_id = p_tenant_id AND removal_id IS NOT NULL; -- each refers to the other
    erased := 0;
    tables_left := 0;
    FOR name, place IN
        SELECT t, array_position(lead_to_others, t) FROM tables_of_tenants() t
         ORDER BY array_position(lead_to_others, t) NULLS FIRST, t <> 'files', t
    LOOP
        EXIT WHEN place IS NOT NULL AND (erased > 0 OR tables_left > 0);
        rows_found := rows_of_tenant(name);
        IF name = 'webhook_events' THEN -- no foreign key protects their deliveries, which may have been written just now
            rows_found := rows_found || ' AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_seq = t.event_seq)';
        END IF;
        BEGIN
            EXECUTE format('DELETE FROM %I WHERE ctid = ANY (ARRAY(%s LIMIT $3))', name, rows_found)
              USING p_tenant_id, p_job_id, p_limit;
            GET DIAGNOSTICS deleted = ROW_COUNT;
            erased := erased + deleted;
            IF deleted > 0 THEN
                counts := counts || jsonb_build_object(name, coalesce((counts ->> name)::bigint, 0) + deleted);
            END IF;
        EXCEPTION WHEN foreign_key_violation THEN
            tables_left := tables_left + 1;
        END;
    END LOOP;
    UPDATE tenant_receipts r SET erased = r.erased || jsonb_build_object('rows', counts) WHERE r.receipt_id = p_job_id;
    RETURN NEXT;
END $$;

-- How many rows of a tenant each table has, up to 1,000, without tables that have none. The job's own row is kept with its receipt.
CREATE OR REPLACE FUNCTION count_tenant_rows(p_tenant_id uuid, p_job_id uuid) RETURNS TABLE (table_name text, row_count bigint)
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    FOR table_name IN SELECT t FROM tables_of_tenants() t LOOP
        EXECUTE format('SELECT count(*) FROM (%s LIMIT 1000) l', rows_of_tenant(table_name))
           INTO row_count USING p_tenant_id, p_job_id;
        IF row_count > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;
