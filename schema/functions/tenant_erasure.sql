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

-- Deletes up to p_limit rows of a tenant in each table, and adds them to the receipt. A table whose rows others still refer to is
-- left for the next call. Returns the number of rows that were deleted, and of tables that were left.
CREATE OR REPLACE FUNCTION erase_tenant_rows(p_tenant_id uuid, p_job_id uuid, p_limit integer)
RETURNS TABLE (erased bigint, tables_left integer)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    name text;
    deleted bigint;
    counts jsonb;
BEGIN
    SELECT coalesce(r.erased -> 'rows', '{}') INTO counts FROM tenant_receipts r WHERE r.receipt_id = p_job_id FOR UPDATE;
    UPDATE datasets SET removal_id = NULL WHERE tenant_id = p_tenant_id AND removal_id IS NOT NULL; -- each refers to the other
    erased := 0;
    tables_left := 0;
    FOR name IN SELECT t FROM tables_of_tenants() t LOOP
        BEGIN
            EXECUTE format('DELETE FROM %I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %I WHERE tenant_id = $1%s LIMIT $2))',
                           name, name, CASE WHEN name = 'jobs' THEN ' AND job_id <> $3' ELSE '' END)
              USING p_tenant_id, p_limit, p_job_id;
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

-- How many rows of a tenant each table has, without tables that have none. The job's own row is kept with its receipt.
CREATE OR REPLACE FUNCTION count_tenant_rows(p_tenant_id uuid, p_job_id uuid) RETURNS TABLE (table_name text, row_count bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    FOR table_name IN SELECT t FROM tables_of_tenants() t LOOP
        EXECUTE format('SELECT count(*) FROM %I WHERE tenant_id = $1%s', table_name,
                       CASE WHEN table_name = 'jobs' THEN ' AND job_id <> $2' ELSE '' END)
           INTO row_count USING p_tenant_id, p_job_id;
        IF row_count > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;
