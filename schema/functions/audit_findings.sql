-- What does not add up, of one tenant or (NULL) of all, by name with its count; nothing where all does. Each line
-- holds one table against another, so that neither can be wrong alone:
--   batches    the counters of a batch against its files
--   files      a settled file against its steps and its record
--   steps      a step against the ledger of its attempts; a step that should move and is long overdue
--   artifacts  a step that made something against what there is of it
CREATE OR REPLACE FUNCTION audit_findings(p_tenant_id uuid) RETURNS TABLE (finding text, count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH chosen AS (
        SELECT * FROM files f WHERE p_tenant_id IS NULL OR f.tenant_id = p_tenant_id),
    counted AS (
        SELECT c.owner_id, c.state, sum(c.files) AS files
          FROM (SELECT owner_id, state, tenant_id, files FROM file_counts
                UNION ALL SELECT owner_id, state, tenant_id, delta FROM count_deltas) c
          JOIN batches b ON b.batch_id = c.owner_id
         WHERE p_tenant_id IS NULL OR c.tenant_id = p_tenant_id
         GROUP BY 1, 2),
    here AS (
        SELECT batch_id AS owner_id, CASE WHEN removed_at IS NULL THEN state ELSE 'removed' END AS state, count(*) AS files
          FROM chosen GROUP BY 1, 2)
    SELECT found.finding, found.count FROM (
        SELECT 'batch_counts_wrong', count(*) FROM counted c FULL JOIN here h USING (owner_id, state)
         WHERE coalesce(c.files, 0) <> coalesce(h.files, 0)
        UNION ALL
        SELECT 'settled_files_without_record', count(*) FROM chosen f
         WHERE f.state IN ('done', 'partial') AND f.removed_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM records r WHERE r.file_id = f.file_id)
        UNION ALL
        SELECT 'settled_files_with_work_left', count(*) FROM chosen f
         WHERE f.state IN ('done', 'partial', 'failed') AND f.removed_at IS NULL
           AND EXISTS (SELECT 1 FROM steps s WHERE s.file_id = f.file_id AND s.step IN ('intake', 'text', 'ocr', 'textract', 'extraction')
                          AND s.state NOT IN ('done', 'skipped', 'failed', 'cancelled'))
        UNION ALL
        SELECT 'files_that_failed_without_reason', count(*) FROM chosen f
         WHERE f.state = 'failed' AND f.error_code IS NULL
        UNION ALL
        SELECT 'removed_files_at_work', count(*) FROM chosen f
          JOIN steps s USING (file_id) WHERE f.removed_at IS NOT NULL
           AND s.state IN ('waiting', 'ready', 'queued', 'retrying', 'parked')
        UNION ALL
        SELECT 'attempts_not_in_the_ledger', count(*) FROM steps s
         WHERE (p_tenant_id IS NULL OR s.tenant_id = p_tenant_id)
           AND s.attempt <> (s.state = 'running')::integer + (
               SELECT count(*) FROM attempts a WHERE (a.file_id, a.step, a.part) = (s.file_id, s.step, s.part))
        UNION ALL
        SELECT 'steps_long_overdue', count(*) FROM steps s
         WHERE (p_tenant_id IS NULL OR s.tenant_id = p_tenant_id)
           AND (s.state = 'running' AND s.lease_expires_at < clock_timestamp() - interval '15 minutes'
                OR s.state = 'queued' AND s.queued_at < clock_timestamp() - interval '15 minutes'
                OR s.state IN ('retrying', 'parked') AND s.due_at < clock_timestamp() - interval '15 minutes')
        UNION ALL
        SELECT 'artifacts_missing', count(*) FROM steps s JOIN chosen f USING (file_id)
         WHERE s.state = 'done' AND s.step IN ('preview', 'thumbnail') AND f.removed_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.file_id = s.file_id AND a.kind = s.step)
        UNION ALL
        SELECT 'artifacts_of_another_file', count(*) FROM artifacts a JOIN chosen f USING (file_id)
         WHERE a.object_key <> f.object_key
           AND NOT starts_with(a.object_key, 'artifacts/' || f.tenant_id || '/' || f.file_id || '/')
    ) found(finding, count) WHERE found.count > 0
$$;
ALTER FUNCTION audit_findings(uuid) OWNER TO fairway_worker;

-- The latest audit of a kind: of rows, or of the objects in the bucket.
CREATE OR REPLACE FUNCTION last_audit(p_kind text)
RETURNS TABLE (ended_at timestamptz, checked bigint, findings jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT a.ended_at, a.checked, a.findings FROM audits a WHERE a.kind = p_kind ORDER BY a.ended_at DESC LIMIT 1
$$;
ALTER FUNCTION last_audit(text) OWNER TO fairway_worker;

-- Audits all rows and keeps what was found; no row where another upkeep did so within p_every_s, or is at it.
CREATE OR REPLACE FUNCTION audit_rows(p_every_s double precision) RETURNS TABLE (findings jsonb)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found jsonb;
    total record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('audit_rows', 6))
       OR EXISTS (SELECT 1 FROM audits a WHERE a.kind = 'rows'
                     AND a.ended_at > clock_timestamp() - make_interval(secs => p_every_s)) THEN
        RETURN;
    END IF;
    SELECT * INTO total FROM audit(NULL);
    SELECT coalesce(jsonb_object_agg(a.finding, a.count), '{}') INTO found FROM audit_findings(NULL) a;
    found := found || CASE WHEN total.lost > 0 THEN jsonb_build_object('lost', total.lost) ELSE '{}' END
                   || CASE WHEN total.doubled > 0 THEN jsonb_build_object('doubled', total.doubled) ELSE '{}' END;
    INSERT INTO audits (kind, ended_at, checked, findings) VALUES ('rows', clock_timestamp(), total.accepted, found);
    DELETE FROM audits WHERE kind = 'rows' AND ended_at < clock_timestamp() - interval '30 days';
    RETURN QUERY SELECT found;
END $$;

-- What each object of the bucket is to us, by its key: 'referenced'; 'at_work', made by an attempt that holds its
-- lease; 'spare', made by one that ended otherwise; 'awaited', whose event has not been taken; 'removed', of a file
-- that is erased; 'unknown'.
CREATE OR REPLACE FUNCTION object_verdicts(p_keys text[]) RETURNS TABLE (object_key text, verdict text)
LANGUAGE sql STABLE AS $$
    SELECT k.key,
           CASE WHEN k.file_id IS NULL THEN 'unknown'
                WHEN f.file_id IS NULL THEN CASE WHEN t.file_id IS NULL THEN 'unknown' ELSE 'removed' END
                WHEN k.key = f.object_key THEN
                     CASE WHEN f.state IN ('uploading', 'upload_missing') THEN 'awaited' ELSE 'referenced' END
                WHEN EXISTS (SELECT 1 FROM artifacts a WHERE a.file_id = k.file_id AND a.object_key = k.key) THEN 'referenced'
                WHEN EXISTS (SELECT 1 FROM steps s WHERE s.file_id = k.file_id AND s.state = 'running'
                                AND starts_with(k.key, 'artifacts/' || f.tenant_id || '/' || f.file_id || '/' || s.step || '/'
                                    || s.part || '-' || s.attempt || '-' || left(s.lease_id::text, 8) || '/')) THEN 'at_work'
                ELSE 'spare' END
      FROM (SELECT key, CASE WHEN split_part(key, '/', 3) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                             THEN split_part(key, '/', 3)::uuid END AS file_id FROM unnest(p_keys) key) k
      LEFT JOIN files f ON f.file_id = k.file_id
      LEFT JOIN tombstones t ON t.file_id = k.file_id
$$;

-- Notes how far a walk has come. One that has reached the end is written down as an audit, and rests.
CREATE OR REPLACE FUNCTION note_walk(p_walk text, p_from text, p_reached text, p_checked bigint, p_findings jsonb, p_ended boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    noted audit_walks%ROWTYPE;
BEGIN
    UPDATE audit_walks w
       SET reached = p_reached, checked = w.checked + p_checked,
           findings = (SELECT coalesce(jsonb_object_agg(n.key, n.total), '{}') FROM (
                        SELECT e.key, sum(e.value::bigint) AS total FROM (
                            SELECT * FROM jsonb_each_text(w.findings) UNION ALL SELECT * FROM jsonb_each_text(p_findings)) e
                         GROUP BY 1) n)
     WHERE w.walk = p_walk AND w.reached = p_from -- of two that walk at once, one counts
    RETURNING * INTO noted;
    IF FOUND AND p_ended THEN
        INSERT INTO audits (kind, ended_at, checked, findings)
        SELECT 'objects', clock_timestamp(), noted.checked, jsonb_build_object('walk', p_walk) || noted.findings;
        DELETE FROM audits WHERE kind = 'objects' AND ended_at < clock_timestamp() - interval '30 days';
        UPDATE audit_walks SET reached = '', checked = 0, findings = '{}', rested_at = clock_timestamp() WHERE walk = p_walk;
    END IF;
END $$;
