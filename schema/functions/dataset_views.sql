-- The views of datasets for BI tools. The functions that views call are in the schema `fairway`; their bodies are parsed when
-- they are created, or name their search path: a reader may have set another one.

-- Values as the types of columns; NULL for a value of another type.
CREATE OR REPLACE FUNCTION fairway.as_text(p_value jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(p_value) = 'string' THEN p_value #>> '{}' END;

CREATE OR REPLACE FUNCTION fairway.as_number(p_value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(p_value) = 'number' THEN p_value::numeric END;

CREATE OR REPLACE FUNCTION fairway.as_integer(p_value jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(p_value) = 'number'
                THEN CASE WHEN p_value::numeric = trunc(p_value::numeric)
                           AND p_value::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
                          THEN p_value::numeric::bigint END END;

CREATE OR REPLACE FUNCTION fairway.as_boolean(p_value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(p_value) = 'boolean' THEN p_value::boolean END;

CREATE OR REPLACE FUNCTION fairway.as_json(p_value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN jsonb_typeof(p_value) IN ('array', 'object') THEN p_value END;

-- Of a text `YYYY-MM-DD` that is a day of the calendar.
CREATE OR REPLACE FUNCTION fairway.as_date(p_value jsonb) RETURNS date
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
    written CONSTANT text := p_value #>> '{}';
    first_day date;
    found date;
BEGIN
    IF jsonb_typeof(p_value) <> 'string' OR written !~ '^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$' OR written LIKE '0000%' THEN
        RETURN NULL;
    END IF;
    first_day := make_date(left(written, 4)::integer, substring(written FROM 6 FOR 2)::integer, 1);
    found := first_day + right(written, 2)::integer - 1;
    RETURN CASE WHEN date_trunc('month', found::timestamp) = first_day THEN found END;
END $$;

-- Whether a value is one of a column's kind.
CREATE OR REPLACE FUNCTION fairway.fits(p_value jsonb, p_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE p_kind WHEN 'number' THEN fairway.as_number(p_value) IS NOT NULL
                       WHEN 'integer' THEN fairway.as_integer(p_value) IS NOT NULL
                       WHEN 'boolean' THEN fairway.as_boolean(p_value) IS NOT NULL
                       WHEN 'date' THEN fairway.as_date(p_value) IS NOT NULL
                       WHEN 'json' THEN fairway.as_json(p_value) IS NOT NULL
                       ELSE fairway.as_text(p_value) IS NOT NULL END;

-- The values that no column shows: those of another type than their column, and those that the schema no longer has. NULL
-- without any. p_kinds: the kind of each property.
CREATE OR REPLACE FUNCTION fairway.other_values(p_values jsonb, p_kinds jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
    SELECT jsonb_object_agg(v.key, v.value) FROM jsonb_each(p_values) v
     WHERE v.value <> 'null' AND NOT (p_kinds ? v.key AND fairway.fits(v.value, p_kinds ->> v.key))
$$;

-- How many values have a column of another type.
CREATE OR REPLACE FUNCTION fairway.unparsed_values(p_values jsonb, p_kinds jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
    SELECT count(*)::integer FROM jsonb_each(p_values) v
     WHERE v.value <> 'null' AND p_kinds ? v.key AND NOT fairway.fits(v.value, p_kinds ->> v.key)
$$;

-- The values of each document of a file, with those that a person set. In plpgsql: a function in SQL would be inlined, and its
-- result computed again for each column.
CREATE OR REPLACE FUNCTION fairway.documents_of(p_fields jsonb, p_further jsonb, p_set_values jsonb)
RETURNS TABLE (document integer, "values" jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 1 SET search_path = pg_catalog AS $$
DECLARE
    -- Further documents are {"fields", ...}.
    found CONSTANT jsonb := jsonb_build_array(jsonb_build_object('fields', p_fields)) || p_further;
    set_values jsonb;
BEGIN
    FOR number IN 1 .. jsonb_array_length(found) LOOP
        document := number;
        "values" := found -> (number - 1) -> 'fields';
        set_values := p_set_values -> number::text;
        IF set_values IS NOT NULL THEN
            "values" := "values" || coalesce((SELECT jsonb_object_agg(s.key, s.value -> 'value') FROM jsonb_each(set_values) s), '{}');
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- Replaces the view of a dataset (p_old) by a new one (p_new; NULL: by none). p_columns: [{"column", "property", "kind"}] in the
-- order of the view. Returns NULL, or why it was not possible: a query that runs holds the old view, or another object needs it.
-- It runs as the owner of the views, who may do nothing else.
CREATE OR REPLACE FUNCTION replace_dataset_view(p_dataset_id uuid, p_tenant_id uuid, p_old text, p_new text, p_columns jsonb)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    columns text;
    kinds jsonb;
BEGIN
    SELECT string_agg(format(', fairway.%s(v."values" -> %L) AS %I',
                             CASE c.kind WHEN 'number' THEN 'as_number' WHEN 'integer' THEN 'as_integer'
                                         WHEN 'boolean' THEN 'as_boolean' WHEN 'date' THEN 'as_date' WHEN 'json' THEN 'as_json'
                                         ELSE 'as_text' END, c.property, c."column"), '' ORDER BY c.index),
           coalesce(jsonb_object_agg(c.property, c.kind), '{}')
      INTO columns, kinds
      FROM ROWS FROM (jsonb_to_recordset(p_columns) AS ("column" text, property text, kind text))
           WITH ORDINALITY AS c("column", property, kind, index);
    IF p_old IS NOT NULL THEN
        EXECUTE format('DROP VIEW IF EXISTS fairway.%I', p_old);
    END IF;
    IF p_new IS NOT NULL THEN
        EXECUTE format(
            'CREATE VIEW fairway.%I WITH (security_barrier) AS'
            ' SELECT r.file_id, v.document, f.name AS file_name, f.state AS file_state, f.created_at AS file_created_at,'
            ' r.schema_version, r.review, r.needs_review%s,'
            ' fairway.unparsed_values(v."values", %L) AS unparsed_values, fairway.other_values(v."values", %L) AS other_values'
            ' FROM records r JOIN files f USING (file_id) JOIN datasets d ON d.dataset_id = r.dataset_id'
            ' CROSS JOIN LATERAL fairway.documents_of(r.fields, r.further, r.set_values) v'
            ' WHERE r.dataset_id = %L AND f.removed_at IS NULL AND d.removed_at IS NULL',
            p_new, coalesce(columns, ''), kinds, kinds, p_dataset_id);
        EXECUTE format('GRANT SELECT ON fairway.%I TO %I', p_new, 'fairway_reader_' || replace(p_tenant_id::text, '-', ''));
    END IF;
    RETURN NULL;
EXCEPTION WHEN lock_not_available OR dependent_objects_still_exist OR undefined_object THEN
    RETURN SQLERRM;
END $$;
ALTER FUNCTION replace_dataset_view(uuid, uuid, text, text, jsonb) OWNER TO fairway_views;
