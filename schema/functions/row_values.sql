-- Triggers on `records` that keep `row_values` and `needs_review` up to date.

-- The property to which the path of a value belongs, as `property_of` in layers/domain/page.py.
CREATE OR REPLACE FUNCTION property_of(p_path text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT substring(p_path FROM '^[^.[]*') $$;

-- Whether one document lacks a value or has a doubtful one, after the values that a person set; as `corrected` in
-- layers/domain/corrections.py.
CREATE OR REPLACE FUNCTION document_needs_review(p_missing jsonb, p_doubtful jsonb, p_set jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT 1 FROM jsonb_array_elements_text(p_missing) m
                    WHERE coalesce(p_set -> property_of(m) -> 'value', 'null') = 'null')
        OR EXISTS (SELECT 1 FROM jsonb_array_elements_text(p_doubtful) d WHERE NOT coalesce(p_set, '{}') ? property_of(d))
$$;

-- The probability that all values of one document are right, 0 to 100, where a person has set none of them. A required value that
-- is missing makes it 0. The values of a model have no probability; then it is the lowest confidence. NULL without either.
CREATE OR REPLACE FUNCTION probability_of_document(p_missing jsonb, p_evidence jsonb, p_set jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN document_needs_review(p_missing, '[]', p_set) THEN 0
           WHEN count(e.value -> 'probability') = 0 THEN min((e.value ->> 'confidence')::float8)
           ELSE 100 * exp(greatest(-600, sum(ln(greatest((e.value ->> 'probability')::float8, 0.1) / 100))
                                         FILTER (WHERE e.value ? 'probability'))) END
      FROM jsonb_each(p_evidence) e WHERE NOT coalesce(p_set, '{}') ? property_of(e.key)
$$;

-- The probability that a record is right: that of its least sure document.
CREATE OR REPLACE FUNCTION probability_of_record(p_record records) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(probability_of_document(p_record.missing, p_record.evidence, p_record.set_values -> '1'),
                 (SELECT min(probability_of_document(o.document -> 'missing', o.document -> 'evidence',
                                                     p_record.set_values -> (o.index + 1)::text))
                    FROM jsonb_array_elements(p_record.further) WITH ORDINALITY AS o(document, index)))
$$;

-- The values of a file's row: of several documents, those that are the same in all.
CREATE OR REPLACE FUNCTION row_values_of(p_record records) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_record.further = '[]' THEN values_of_record(p_record.fields, p_record.set_values)
           ELSE (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}')
                   FROM jsonb_each(values_of_record(p_record.fields, p_record.set_values)) v
                  WHERE NOT EXISTS (
                        SELECT 1 FROM jsonb_array_elements(p_record.further) WITH ORDINALITY AS o(document, index)
                         WHERE coalesce(p_record.set_values -> (o.index + 1)::text -> v.key -> 'value',
                                        o.document -> 'fields' -> v.key) IS DISTINCT FROM v.value)) END
$$;

CREATE OR REPLACE FUNCTION prepare_row_values() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    new.has_row_values := true;
    new.needs_review := document_needs_review(new.missing, new.doubtful, new.set_values -> '1')
        OR (new.further <> '[]' AND EXISTS (
            SELECT 1 FROM jsonb_array_elements(new.further) WITH ORDINALITY AS o(document, index)
             WHERE document_needs_review(o.document -> 'missing', o.document -> 'doubtful',
                                         new.set_values -> (o.index + 1)::text)));
    RETURN new;
END $$;
CREATE OR REPLACE TRIGGER prepared_row_values BEFORE INSERT OR UPDATE ON records
    FOR EACH ROW EXECUTE FUNCTION prepare_row_values();

CREATE OR REPLACE FUNCTION store_row_values() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    most CONSTANT integer := 64; -- of a record
    shown jsonb := row_values_of(new);
    probability CONSTANT double precision := probability_of_record(new);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        DELETE FROM row_values v WHERE v.file_id = new.file_id AND coalesce(shown -> v.field, 'null') = 'null'
           AND (v.field <> '@probability' OR probability IS NULL);
    END IF;
    INSERT INTO row_values AS v (file_id, field, tenant_id, dataset_id, number, words, doubtful)
    SELECT new.file_id, e.key, new.tenant_id, new.dataset_id,
           CASE jsonb_typeof(e.value)
               WHEN 'boolean' THEN (e.value = 'true')::integer
               WHEN 'number' THEN CASE WHEN abs((e.value #>> '{}')::numeric) < 1e-300 THEN 0 -- smaller and larger ones
                                       WHEN abs((e.value #>> '{}')::numeric) < 1e300  -- may be no double precision
                                       THEN (e.value #>> '{}')::float8 END END,
           CASE jsonb_typeof(e.value) WHEN 'string' THEN lower(left(e.value #>> '{}', 200)) END,
           NOT coalesce(new.set_values -> '1', '{}') ? e.key
           AND EXISTS (SELECT 1 FROM jsonb_array_elements_text(new.doubtful) d WHERE property_of(d) = e.key)
      FROM jsonb_each(shown) e WHERE e.value <> 'null' ORDER BY e.key LIMIT most
    ON CONFLICT (file_id, field) DO UPDATE
       SET number = excluded.number, words = excluded.words, doubtful = excluded.doubtful
     WHERE (v.number, v.words, v.doubtful) IS DISTINCT FROM (excluded.number, excluded.words, excluded.doubtful);
    INSERT INTO row_values AS v (file_id, field, tenant_id, dataset_id, number, doubtful)
    SELECT new.file_id, '@probability', new.tenant_id, new.dataset_id, probability, false WHERE probability IS NOT NULL
    ON CONFLICT (file_id, field) DO UPDATE SET number = excluded.number WHERE v.number <> excluded.number;
    PERFORM store_value_keys(new);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER stored_row_values_of_new AFTER INSERT ON records
    FOR EACH ROW EXECUTE FUNCTION store_row_values();
CREATE OR REPLACE TRIGGER stored_row_values AFTER UPDATE ON records
    FOR EACH ROW WHEN ((old.fields, old.further, old.set_values, old.doubtful, old.missing, old.evidence, old.has_row_values,
                        old.dataset_id)
                       IS DISTINCT FROM
                       (new.fields, new.further, new.set_values, new.doubtful, new.missing, new.evidence, new.has_row_values,
                        new.dataset_id))
    EXECUTE FUNCTION store_row_values();

-- Stores the values of records of earlier releases. Returns the number of records.
CREATE OR REPLACE FUNCTION add_row_values(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    added integer;
BEGIN
    WITH chosen AS (
        SELECT record_id FROM records WHERE NOT has_row_values ORDER BY record_id LIMIT p_limit FOR UPDATE SKIP LOCKED)
    UPDATE records r SET has_row_values = true FROM chosen c WHERE r.record_id = c.record_id;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN added;
END $$;
