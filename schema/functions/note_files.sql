-- Triggers on `files`: each write adds the changes of counts to `count_deltas` and notes in `file_changes` the transaction in
-- which a file last changed. Rows of `file_changes` are locked in the order of their ids, as in every other function that
-- marks several files, so that two transactions can't deadlock.
--
-- Counters of a tenant: all files that it ever sent ('accepted') and those of them that were erased ('erased'), files
-- that are not settled ('unsettled'), bytes that are stored or announced ('bytes'), and files announced on each day
-- ('day:...'). Quotas are checked against the last three.
CREATE OR REPLACE FUNCTION is_unsettled(p_state text, p_removed_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT p_state IN ('uploading', 'processing') AND p_removed_at IS NULL $$;

-- Whether the bytes of a file's original are stored or announced.
CREATE OR REPLACE FUNCTION is_stored(p_state text, p_original_erased_at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$ SELECT p_state <> 'upload_missing' AND p_original_erased_at IS NULL $$;

CREATE OR REPLACE FUNCTION day_of(p_moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT 'day:' || to_char(p_moment AT TIME ZONE 'UTC', 'YYYY-MM-DD') $$;

CREATE OR REPLACE FUNCTION note_new_files() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO file_changes (file_id, tenant_id, dataset_id, changed_xid)
    SELECT n.file_id, n.tenant_id, n.dataset_id, pg_current_xact_id()::text::bigint FROM new_rows n;
    INSERT INTO count_deltas (owner_id, state, tenant_id, delta)
    SELECT o.owner_id, o.state, c.tenant_id, sum(o.delta)
      FROM (SELECT n.dataset_id, n.batch_id, n.tenant_id, n.state, count(*) AS files, sum(n.declared_size_bytes) AS bytes
              FROM new_rows n GROUP BY 1, 2, 3, 4) c,
           LATERAL (VALUES (c.dataset_id, c.state, c.files), (c.batch_id, c.state, c.files), (c.tenant_id, 'accepted', c.files),
                           (c.tenant_id, 'unsettled', c.files), (c.tenant_id, day_of(now()), c.files),
                           (c.tenant_id, 'bytes', c.bytes)) AS o(owner_id, state, delta)
     GROUP BY 1, 2, 3;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION note_changed_files() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    subscribed boolean; -- the tenant has an endpoint for webhooks
BEGIN
    INSERT INTO file_changes AS c (file_id, tenant_id, dataset_id, changed_xid, removed)
    SELECT n.file_id, n.tenant_id, n.dataset_id, pg_current_xact_id()::text::bigint, n.removed_at IS NOT NULL
      FROM new_rows n ORDER BY n.file_id
    ON CONFLICT (file_id, dataset_id) DO UPDATE SET changed_xid = excluded.changed_xid, removed = excluded.removed
     WHERE (c.changed_xid, c.removed) IS DISTINCT FROM (excluded.changed_xid, excluded.removed);
    -- EXCEPT compares by hash. A join would be planned for its first row, and compare each file of a large change with all others.
    IF NOT EXISTS (SELECT w.file_id, w.state, w.dataset_id, w.removed_at IS NULL, w.original_erased_at IS NULL FROM old_rows w
                   EXCEPT
                   SELECT n.file_id, n.state, n.dataset_id, n.removed_at IS NULL, n.original_erased_at IS NULL FROM new_rows n) THEN
        RETURN NULL; -- most changes are of steps: they change no count and make no event
    END IF;
    -- Whether the events of the files interest an endpoint is found out in the same statement, so that tenants without endpoints
    -- need no other. Changes of state in opposite directions cancel each other out, and still return a row.
    WITH counted AS (
    INSERT INTO count_deltas (owner_id, state, tenant_id, delta)
    SELECT o.owner_id, m.state, m.tenant_id, sum(m.delta)
      FROM (SELECT s.dataset_id, w.batch_id, w.tenant_id, s.state, s.delta
              FROM old_rows w JOIN new_rows n USING (file_id),
                   LATERAL (VALUES (w.dataset_id, CASE WHEN w.removed_at IS NULL THEN w.state ELSE 'removed' END, -1),
                                   (n.dataset_id, CASE WHEN n.removed_at IS NULL THEN n.state ELSE 'removed' END, 1))
                   AS s(dataset_id, state, delta)
             WHERE w.state <> n.state OR (w.removed_at IS NULL) <> (n.removed_at IS NULL) OR w.dataset_id <> n.dataset_id) m,
           LATERAL (VALUES (m.dataset_id), (m.batch_id)) AS o(owner_id)
     GROUP BY 1, 2, 3
    UNION ALL
    SELECT w.tenant_id, o.state, w.tenant_id, sum(o.delta)
      FROM old_rows w JOIN new_rows n USING (file_id),
           LATERAL (VALUES
           ('unsettled', is_unsettled(n.state, n.removed_at)::integer - is_unsettled(w.state, w.removed_at)::integer),
           ('bytes', w.declared_size_bytes
                     * (is_stored(n.state, n.original_erased_at)::integer
                        - is_stored(w.state, w.original_erased_at)::integer)))
           AS o(state, delta)
     WHERE w.state <> n.state OR (w.removed_at IS NULL) <> (n.removed_at IS NULL)
        OR (w.original_erased_at IS NULL) <> (n.original_erased_at IS NULL)
     GROUP BY 1, 2 HAVING sum(o.delta) <> 0
    RETURNING EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.tenant_id = count_deltas.tenant_id AND e.enabled) AS subscribed)
    SELECT bool_or(c.subscribed) INTO subscribed FROM counted c;
    IF subscribed THEN
        PERFORM note_events(jsonb_agg(e.event ORDER BY e.file_id))
           FROM (SELECT n.file_id, file_event(w::files, n::files) AS event FROM old_rows w JOIN new_rows n USING (file_id)) e
          WHERE e.event IS NOT NULL;
        INSERT INTO settled_batch_checks (tenant_id, batch_id)
        SELECT DISTINCT n.tenant_id, n.batch_id FROM old_rows w JOIN new_rows n USING (file_id)
         WHERE is_unsettled(w.state, w.removed_at) AND NOT is_unsettled(n.state, n.removed_at)
           AND EXISTS (SELECT 1 FROM webhook_endpoints e
                        WHERE e.tenant_id = n.tenant_id AND e.enabled AND 'batch.settled' = ANY (e.event_types));
    END IF;
    RETURN NULL;
END $$;

-- The event that a change of a file's row is, for note_events; NULL if it is none.
CREATE OR REPLACE FUNCTION file_event(p_before files, p_after files) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object(
               'tenant_id', p_after.tenant_id, 'event_type', 'file.' || k.kind, 'dataset_id', p_after.dataset_id,
               'subject_id', p_after.file_id,
               'data', jsonb_build_object(
                   'file_id', p_after.file_id, 'dataset_id', p_after.dataset_id, 'batch_id', p_after.batch_id,
                   'state', CASE WHEN k.kind = 'removed' THEN k.kind ELSE p_after.state END,
                   'error', CASE WHEN p_after.error_code IS NOT NULL THEN jsonb_build_object(
                                'step', p_after.error_step, 'code', p_after.error_code) END,
                   'removal_id', coalesce(p_after.removal_id, p_before.removal_id))
                   || CASE k.kind WHEN 'moved' THEN jsonb_build_object('from_dataset_id', p_before.dataset_id,
                                                                       'moved_by', p_after.moved ->> 'by') ELSE '{}' END)
      FROM (SELECT CASE WHEN p_before.removed_at IS NULL AND p_after.removed_at IS NOT NULL THEN 'removed'
                        WHEN p_before.removed_at IS NOT NULL AND p_after.removed_at IS NULL THEN 'restored'
                        WHEN p_before.dataset_id <> p_after.dataset_id THEN 'moved'
                        WHEN p_after.removed_at IS NULL AND p_before.state <> p_after.state
                             AND p_after.state IN ('done', 'partial', 'failed') THEN p_after.state END AS kind) k
     WHERE k.kind IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION note_erased_files() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO count_deltas (owner_id, state, tenant_id, delta)
    SELECT o.owner_id, o.state, w.tenant_id, sum(o.delta)
      FROM old_rows w, LATERAL (VALUES
           (w.dataset_id, CASE WHEN w.removed_at IS NULL THEN w.state ELSE 'removed' END, -1),
           (w.batch_id, CASE WHEN w.removed_at IS NULL THEN w.state ELSE 'removed' END, -1),
           (w.tenant_id, 'erased', 1),
           (w.tenant_id, 'unsettled', -is_unsettled(w.state, w.removed_at)::integer),
           (w.tenant_id, 'bytes', -w.declared_size_bytes * is_stored(w.state, w.original_erased_at)::integer))
           AS o(owner_id, state, delta)
     GROUP BY 1, 2, 3;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER new_files AFTER INSERT ON files
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_new_files();
CREATE OR REPLACE TRIGGER changed_files AFTER UPDATE ON files
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_changed_files();
CREATE OR REPLACE TRIGGER erased_files AFTER DELETE ON files
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION note_erased_files();

-- Marks files as changed if their steps changed but not their own row. Locks are always taken in this order: files, steps,
-- file_changes.
CREATE OR REPLACE FUNCTION mark_changed(p_file_ids uuid[]) RETURNS void
LANGUAGE sql VOLATILE AS $$
    WITH chosen AS (
        SELECT file_id, dataset_id FROM file_changes WHERE file_id = ANY (p_file_ids) AND NOT removed
         ORDER BY file_id, dataset_id FOR UPDATE)
    UPDATE file_changes c SET changed_xid = pg_current_xact_id()::text::bigint
      FROM chosen WHERE (c.file_id, c.dataset_id) = (chosen.file_id, chosen.dataset_id)
$$;

-- Adds deltas to the counts. Returns the number of deltas. Skips those that another session is adding.
CREATE OR REPLACE FUNCTION fold_counts(p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    folded integer;
BEGIN
    WITH taken AS (
        DELETE FROM count_deltas d WHERE d.delta_id IN (
            SELECT delta_id FROM count_deltas ORDER BY delta_id LIMIT p_limit FOR UPDATE SKIP LOCKED)
        RETURNING d.owner_id, d.state, d.tenant_id, d.delta),
    summed AS (
        INSERT INTO file_counts AS c (owner_id, state, tenant_id, files)
        SELECT owner_id, state, tenant_id, sum(delta) FROM taken GROUP BY 1, 2, 3 ORDER BY 1, 2
        ON CONFLICT (owner_id, state) DO UPDATE SET files = c.files + excluded.files)
    SELECT count(*) INTO folded FROM taken;
    RETURN folded;
END $$;
