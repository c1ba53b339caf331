-- Triggers that keep `similar_keys` as the thumbnails and the records are, and the look-up of files with a key in common.

-- The bands of a perceptual hash. Each has 16 bits: pages that differ by a tenth of the bits have one in common with a
-- probability of about 0.8.
CREATE OR REPLACE FUNCTION bands_of(p_hash text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT 'p' || n || ':' || substring(p_hash FROM 4 * n + 1 FOR 4) FROM generate_series(0, length(p_hash) / 4 - 1) n
$$;

CREATE OR REPLACE FUNCTION store_picture_keys() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    of_file CONSTANT uuid := CASE WHEN TG_OP = 'DELETE' THEN old.file_id ELSE new.file_id END;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM similar_keys WHERE file_id = of_file AND key LIKE 'p%';
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO similar_keys (dataset_id, key, file_id, tenant_id)
        SELECT f.dataset_id, b.key, f.file_id, f.tenant_id FROM files f, bands_of(new.page_hash) AS b(key)
         WHERE f.file_id = of_file
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER stored_picture_keys_of_new AFTER INSERT ON artifacts
    FOR EACH ROW WHEN (new.page_hash IS NOT NULL) EXECUTE FUNCTION store_picture_keys();
CREATE OR REPLACE TRIGGER stored_picture_keys AFTER UPDATE ON artifacts
    FOR EACH ROW WHEN (old.page_hash IS DISTINCT FROM new.page_hash) EXECUTE FUNCTION store_picture_keys();
CREATE OR REPLACE TRIGGER deleted_picture_keys AFTER DELETE ON artifacts
    FOR EACH ROW WHEN (old.page_hash IS NOT NULL) EXECUTE FUNCTION store_picture_keys();

-- The keys of a file's values, after `row_values` of it were stored: each date with each number, and each code.
CREATE OR REPLACE FUNCTION store_value_keys(p_record records) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most CONSTANT integer := 12;
    wanted text[];
BEGIN
    WITH shown AS (
        SELECT v.field, v.number, v.words, regexp_replace(v.words, '[^[:alnum:]]', '', 'g') AS code,
               v.words ~ '^\d{4}-\d\d-\d\d$' AS is_date
          FROM row_values v WHERE v.file_id = p_record.file_id AND v.field <> '@probability'),
    keys AS (
        SELECT 'v:' || md5(d.field || '=' || d.words || '|' || n.field || '=' || n.number) AS key
          FROM shown d JOIN shown n ON n.number NOT IN (0, 1) WHERE d.is_date -- booleans are 0 and 1
        UNION SELECT 'c:' || md5(c.field || '=' || c.code) FROM shown c
         WHERE NOT c.is_date AND length(c.code) BETWEEN 4 AND 40 AND c.code ~ '[0-9].*[0-9].*[0-9]')
    SELECT coalesce(array_agg(k.key), '{}') INTO wanted FROM (SELECT key FROM keys ORDER BY key LIMIT most) k;
    DELETE FROM similar_keys WHERE file_id = p_record.file_id AND key > 'c' AND key NOT LIKE 'p%' AND key <> ALL (wanted);
    INSERT INTO similar_keys (dataset_id, key, file_id, tenant_id)
    SELECT p_record.dataset_id, k.key, p_record.file_id, p_record.tenant_id FROM unnest(wanted) AS k(key)
    ON CONFLICT DO NOTHING;
END $$;

-- A file and the live files that have a key in common with it, those with the most first, with what is compared of them. Of
-- each key the newest files are looked up, so that a call costs the same however many files have it.
CREATE OR REPLACE FUNCTION similar_files(p_tenant_id uuid, p_file_id uuid, p_of_key integer, p_most integer)
RETURNS TABLE (file_id uuid, name text, page_count integer, page_hash text, "values" jsonb, has_text boolean)
LANGUAGE sql STABLE AS $$
    WITH near AS (
        SELECT o.file_id, row_number() OVER (ORDER BY bool_or(o.key NOT LIKE 'p%') DESC, count(*) DESC, o.file_id DESC) AS place
          FROM similar_keys own
         CROSS JOIN LATERAL (SELECT k.file_id, k.key FROM similar_keys k
                              WHERE k.dataset_id = own.dataset_id AND k.key = own.key AND k.file_id <> p_file_id
                              ORDER BY k.file_id DESC LIMIT p_of_key) o
         WHERE own.file_id = p_file_id AND own.tenant_id = p_tenant_id
         GROUP BY o.file_id ORDER BY place LIMIT p_most),
    compared AS (SELECT p_file_id AS file_id, 0 AS place UNION ALL SELECT n.file_id, n.place FROM near n)
    SELECT f.file_id, f.name, f.page_count, a.page_hash, coalesce(row_values_of(r), '{}'),
           EXISTS (SELECT 1 FROM pages p WHERE p.file_id = f.file_id AND p.text <> '')
      FROM compared c JOIN files f USING (file_id)
      LEFT JOIN artifacts a ON a.file_id = f.file_id AND a.kind = 'thumbnail'
      LEFT JOIN records r ON r.file_id = f.file_id
     WHERE f.tenant_id = p_tenant_id AND f.removed_at IS NULL
     ORDER BY c.place
$$;
