-- Stores the keys of documents whose records a person has corrected or approved, in place of those that were stored before.
-- p_taught: [{"file_id", "document", "text_keys", "value_keys"}]. The same document twice is stored once.
CREATE OR REPLACE FUNCTION learn_senders(p_tenant_id uuid, p_dataset_id uuid, p_taught jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM sender_keys k USING jsonb_to_recordset(p_taught) AS t(file_id uuid, document integer, text_keys jsonb, value_keys jsonb)
     WHERE k.dataset_id = p_dataset_id AND k.tenant_id = p_tenant_id AND k.file_id = t.file_id AND k.document = t.document
       AND NOT t.text_keys ? k.key AND NOT t.value_keys ? k.key;
    INSERT INTO sender_keys (dataset_id, key, file_id, document, tenant_id, of_text)
    SELECT p_dataset_id, e.key, t.file_id, t.document, p_tenant_id, bool_and(e.of_text)
      FROM jsonb_to_recordset(p_taught) AS t(file_id uuid, document integer, text_keys jsonb, value_keys jsonb)
      JOIN files f ON f.file_id = t.file_id AND f.dataset_id = p_dataset_id AND f.tenant_id = p_tenant_id
     CROSS JOIN LATERAL (SELECT k.key, true FROM jsonb_array_elements_text(t.text_keys) k(key)
                         UNION ALL SELECT k.key, false FROM jsonb_array_elements_text(t.value_keys) k(key)) e(key, of_text)
     GROUP BY t.file_id, t.document, e.key ORDER BY t.file_id, t.document, e.key
    ON CONFLICT (dataset_id, key, file_id, document) DO UPDATE SET of_text = excluded.of_text
     WHERE sender_keys.of_text <> excluded.of_text;
END $$;

-- The values that people have set or approved in the record of a document.
CREATE OR REPLACE FUNCTION taught_values(p_record records, p_document integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN p_record.review <> 'approved' THEN '{}'
                WHEN p_document = 1 THEN p_record.fields
                ELSE coalesce(p_record.further #> ARRAY[(p_document - 2)::text, 'fields'], '{}') END
           || coalesce((SELECT jsonb_object_agg(s.key, s.value -> 'value')
                          FROM jsonb_each(p_record.set_values -> p_document::text) s), '{}')
$$;

-- The documents of a dataset that share most of these keys, with the keys that they share and the values that a person has set
-- or approved in their records. A file does not learn from itself. p_by_key: how many documents of a key are compared, the newest
-- first, so that a common word costs no more than a rare one.
CREATE OR REPLACE FUNCTION known_senders(
    p_tenant_id uuid, p_dataset_id uuid, p_file_id uuid, p_keys text[], p_by_key integer, p_limit integer)
RETURNS TABLE ("values" jsonb, keys text[])
LANGUAGE sql STABLE AS $$
    SELECT taught_values(r, m.document), m.keys
      FROM (SELECT s.file_id, s.document, array_agg(s.key) AS keys
              FROM unnest(p_keys) AS wanted(key)
             CROSS JOIN LATERAL (SELECT k.file_id, k.document, k.key FROM sender_keys k
                                  WHERE k.dataset_id = p_dataset_id AND k.key = wanted.key AND k.tenant_id = p_tenant_id
                                  ORDER BY k.file_id DESC, k.document LIMIT p_by_key) s
             WHERE s.file_id <> p_file_id
             GROUP BY s.file_id, s.document
             ORDER BY count(*) DESC, s.file_id DESC, s.document LIMIT p_limit) m
      JOIN files f ON f.file_id = m.file_id AND f.removed_at IS NULL
      JOIN records r ON r.file_id = m.file_id
     WHERE r.review = 'approved' OR r.set_values <> '{}'
$$;
