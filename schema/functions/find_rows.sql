-- Finds a dataset's live files by the values of their records.
--
-- The cost is bounded at any size. If some condition has at most 10,000 rows by its index, these are the candidates. Otherwise
-- the candidates are the next p_most rows in the order of the listing, by the index of that order. Each candidate costs one
-- look-up for each condition. So a page may have fewer rows than wanted although there are more: then its last row is a
-- `marker`, at which the search continues.
--
-- p_where: conditions, [{"field", "op", "number"?, "words"?}], checked by layers/domain/row_filter.py, which also chooses
-- between `number` and `words`. Fields that begin with `@` are those of the file. p_sort: the field by which rows are sorted,
-- or NULL for the newest first; p_by: 'number' or 'words'. p_without_value: the rows without a value of this field, which are
-- listed after the others, newest first. p_after_*: the position after which the page begins.

-- A condition as SQL, about the file `f` and its record `r`.
CREATE OR REPLACE FUNCTION row_condition(p_condition jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    field CONSTANT text := p_condition ->> 'field';
    op CONSTANT text := p_condition ->> 'op';
    words CONSTANT text := p_condition ->> 'words';
    sign CONSTANT text := CASE op WHEN 'eq' THEN '=' WHEN 'ne' THEN '<>' WHEN 'lt' THEN '<' WHEN 'le' THEN '<='
                                  WHEN 'gt' THEN '>' WHEN 'ge' THEN '>=' END;
    value text := 'EXISTS (SELECT 1 FROM row_values v WHERE v.file_id = f.file_id AND v.field = ' || quote_literal(field);
BEGIN
    CASE field
        WHEN '@state' THEN RETURN format('f.state %s %L', sign, words);
        WHEN '@kind' THEN RETURN format('f.kind %s %L', CASE op WHEN 'ne' THEN 'IS DISTINCT FROM' ELSE '=' END, words);
        WHEN '@batch' THEN RETURN format('f.batch_id %s %L::uuid', sign, words);
        WHEN '@label' THEN
            RETURN format('%s EXISTS (SELECT 1 FROM batches b WHERE b.batch_id = f.batch_id AND b.labels @> ARRAY[%L])',
                          CASE op WHEN 'ne' THEN 'NOT' ELSE '' END, words);
        WHEN '@name' THEN RETURN format('position(lower(%L) IN lower(f.name)) > 0', words);
        WHEN '@review' THEN
            RETURN format('CASE WHEN r.review = ''open'' AND r.needs_review THEN ''needed'' ELSE r.review END %s %L', sign, words);
        ELSE NULL;
    END CASE;
    RETURN CASE op
        WHEN 'missing' THEN 'NOT ' || value || ')'
        WHEN 'doubtful' THEN value || ' AND v.doubtful)'
        WHEN 'contains' THEN value || format(' AND position(%L IN v.words) > 0)', words)
        ELSE value || CASE WHEN p_condition ? 'number'
                           THEN format(' AND v.number %s %L::double precision)', sign, p_condition ->> 'number')
                           ELSE format(' AND v.words %s %L)', sign, words) END END;
END $$;

-- The rows of a condition by its index, as SQL that selects `file_id`; NULL if it has no index.
CREATE OR REPLACE FUNCTION row_condition_by_index(p_dataset_id uuid, p_condition jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    field CONSTANT text := p_condition ->> 'field';
    op CONSTANT text := p_condition ->> 'op';
    sign CONSTANT text := CASE op WHEN 'eq' THEN '=' WHEN 'lt' THEN '<' WHEN 'le' THEN '<=' WHEN 'gt' THEN '>' WHEN 'ge' THEN '>=' END;
    start CONSTANT text := format('SELECT v.file_id FROM row_values v WHERE v.dataset_id = %L AND v.field = %L', p_dataset_id, field);
BEGIN
    IF field = '@review' AND op = 'eq' AND p_condition ->> 'words' = 'needed' THEN
        RETURN format('SELECT r.file_id FROM records r WHERE r.dataset_id = %L AND r.needs_review AND r.review = ''open''', p_dataset_id);
    ELSIF field = '@batch' AND op = 'eq' THEN
        RETURN format('SELECT f.file_id FROM files f WHERE f.batch_id = %L::uuid AND f.removed_at IS NULL', p_condition ->> 'words');
    ELSIF field = '@label' AND op = 'eq' THEN
        -- Files that were moved here have batches of the datasets that they come from.
        RETURN format('SELECT f.file_id FROM datasets own JOIN datasets d USING (tenant_id)'
                      ' JOIN batches b ON b.dataset_id = d.dataset_id JOIN files f USING (batch_id)'
                      ' WHERE own.dataset_id = %1$L AND (d.dataset_id = %1$L OR EXISTS (SELECT 1 FROM file_moves m'
                      ' WHERE m.from_dataset_id = d.dataset_id)) AND b.labels @> ARRAY[%2$L] AND f.dataset_id = %1$L AND f.removed_at IS NULL',
                      p_dataset_id, p_condition ->> 'words');
    ELSIF field = '@state' AND op = 'eq' THEN
        RETURN format('SELECT f.file_id FROM files f WHERE f.dataset_id = %L AND f.state = %L AND f.removed_at IS NULL',
                      p_dataset_id, p_condition ->> 'words');
    ELSIF left(field, 1) = '@' THEN
        RETURN NULL;
    ELSIF op = 'doubtful' THEN
        RETURN start || ' AND v.doubtful';
    ELSIF sign IS NULL THEN
        RETURN NULL;
    ELSIF p_condition ? 'number' THEN
        RETURN start || format(' AND v.number %s %L::double precision', sign, p_condition ->> 'number');
    END IF;
    RETURN start || format(' AND v.words %s %L', sign, p_condition ->> 'words');
END $$;

-- The rows of the most selective condition, as SQL; NULL if each has more than p_few rows.
CREATE OR REPLACE FUNCTION few_rows(p_dataset_id uuid, p_where jsonb, p_few integer) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
    condition jsonb;
    candidates text;
    best text;
    least integer := p_few + 1;
    found integer;
BEGIN
    FOR condition IN SELECT e FROM jsonb_array_elements(p_where) e LOOP
        candidates := row_condition_by_index(p_dataset_id, condition);
        CONTINUE WHEN candidates IS NULL;
        EXECUTE format('SELECT count(*) FROM (%s LIMIT %s) c', candidates, least) INTO found;
        IF found < least THEN
            least := found;
            best := candidates;
        END IF;
    END LOOP;
    RETURN best;
END $$;

-- The candidates, as SQL that selects `file_id` and the value `sort` by which the rows are sorted (NULL without one), in order.
CREATE OR REPLACE FUNCTION row_candidates(
    p_dataset_id uuid, p_few text, p_sort text, p_by text, p_descending boolean, p_without_value boolean,
    p_after_number double precision, p_after_words text, p_after_id uuid)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    by_value CONSTANT boolean := p_sort IS NOT NULL AND NOT p_without_value;
    falls CONSTANT boolean := NOT by_value OR p_descending;
    direction CONSTANT text := CASE WHEN falls THEN 'DESC' ELSE 'ASC' END;
    sign CONSTANT text := CASE WHEN falls THEN '<' ELSE '>' END;
    kind CONSTANT text := CASE p_by WHEN 'number' THEN 'double precision' ELSE 'text' END;
    no_sort CONSTANT text := 'NULL::text AS sort';
    lacks CONSTANT text := CASE WHEN p_without_value THEN format(
        ' AND NOT EXISTS (SELECT 1 FROM row_values w WHERE w.file_id = f.file_id AND w.field = %L AND w.%I IS NOT NULL)', p_sort, p_by)
        ELSE '' END;
    after text := '';
BEGIN
    IF p_after_id IS NOT NULL AND by_value THEN
        after := format(' AND (v.%I, v.file_id) %s (%L::%s, %L::uuid)', p_by, sign,
                        CASE p_by WHEN 'number' THEN p_after_number::text ELSE p_after_words END, kind, p_after_id);
    ELSIF p_after_id IS NOT NULL THEN
        after := format(' AND f.file_id < %L::uuid', p_after_id);
    END IF;
    IF by_value THEN
        RETURN format('SELECT v.file_id, v.%1$I AS sort FROM row_values v WHERE v.dataset_id = %2$L AND v.field = %3$L'
                      ' AND v.%1$I IS NOT NULL%4$s%5$s ORDER BY v.%1$I %6$s, v.file_id %6$s',
                      p_by, p_dataset_id, p_sort, after,
                      CASE WHEN p_few IS NULL THEN '' ELSE format(' AND v.file_id = ANY (ARRAY(%s))', p_few) END, direction);
    ELSIF p_few IS NOT NULL THEN
        RETURN format('SELECT f.file_id, %s FROM (SELECT DISTINCT c.file_id FROM (%s) c) f WHERE true%s%s ORDER BY f.file_id DESC',
                      no_sort, p_few, after, lacks);
    END IF;
    RETURN format('SELECT f.file_id, %s FROM files f WHERE f.dataset_id = %L AND f.removed_at IS NULL%s ORDER BY f.file_id DESC',
                  no_sort, p_dataset_id, after);
END $$;

CREATE OR REPLACE FUNCTION find_rows(
    p_tenant_id uuid, p_dataset_id uuid, p_where jsonb, p_sort text, p_by text, p_descending boolean, p_without_value boolean,
    p_after_number double precision, p_after_words text, p_after_id uuid, p_limit integer, p_few integer, p_most integer)
RETURNS TABLE (file_id uuid, key text, is_marker boolean)
-- Index scans and nested loops keep the order of the candidates, so that no more of them are examined than the page needs. The
-- planner would otherwise read a whole table for a small dataset, whose rows it takes for evenly spread.
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    few CONSTANT text := few_rows(p_dataset_id, p_where, p_few);
    candidates CONSTANT text := row_candidates(p_dataset_id, few, p_sort, p_by, p_descending, p_without_value,
                                               p_after_number, p_after_words, p_after_id);
    conditions text;
    found integer;
BEGIN
    SELECT coalesce(string_agg(' AND ' || row_condition(e), ''), '') INTO conditions FROM jsonb_array_elements(p_where) e;
    IF p_without_value THEN
        conditions := conditions || format(' AND NOT EXISTS (SELECT 1 FROM row_values w WHERE w.file_id = f.file_id'
                                           ' AND w.field = %L AND w.%I IS NOT NULL)', p_sort, p_by);
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT c.file_id, c.sort::text, false FROM (%s LIMIT %s) c'
        ' JOIN files f ON f.file_id = c.file_id LEFT JOIN records r ON r.file_id = c.file_id'
        ' WHERE f.tenant_id = %L AND f.dataset_id = %L AND f.removed_at IS NULL%s ORDER BY %s LIMIT %s',
        candidates, p_most, p_tenant_id, p_dataset_id, conditions,
        CASE WHEN p_sort IS NULL OR p_without_value THEN 'c.file_id DESC'
             WHEN p_descending THEN 'c.sort DESC, c.file_id DESC' ELSE 'c.sort, c.file_id' END, p_limit);
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found < p_limit THEN
        RETURN QUERY EXECUTE format('SELECT n.file_id, n.sort::text, true FROM (%s OFFSET %s LIMIT 1) n', candidates, p_most - 1);
    END IF;
END $$;
