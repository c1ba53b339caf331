-- The conservation check, of one tenant or, if p_tenant_id is NULL, of all.
-- `lost`: accepted files without a row that were not erased, and the `lost` of audit_files.
-- `doubled`, p_main_steps and p_side_artifacts: as in audit_files.
CREATE OR REPLACE FUNCTION audit(p_tenant_id uuid, p_main_steps text[], p_side_artifacts jsonb)
RETURNS TABLE (accepted bigint, terminal bigint, in_flight bigint, lost bigint, doubled bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT b.accepted, b.terminal, b.in_flight, b.unaccounted + coalesce(sum(f.count) FILTER (WHERE f.finding = 'lost'), 0)::bigint,
           coalesce(sum(f.count) FILTER (WHERE f.finding = 'doubled'), 0)::bigint
      FROM audit_balance(p_tenant_id) b
      LEFT JOIN audit_files(p_tenant_id, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
                            p_main_steps, p_side_artifacts) f ON true
     GROUP BY b.accepted, b.terminal, b.in_flight, b.unaccounted
$$;
ALTER FUNCTION audit(uuid, text[], jsonb) OWNER TO fairway_worker;

-- All inconsistencies of one tenant or, if p_tenant_id is NULL, of all: a row for each kind, with its count; none if all is
-- consistent. Each check compares two tables, so that an error in either is found:
--   batches    the counters of a batch with its files
--   files      a settled file with its steps and its record
--   steps      a step with the ledger of its attempts; a step that is long overdue
--   artifacts  a step that is done with the artifacts that it must have made
CREATE OR REPLACE FUNCTION audit_findings(p_tenant_id uuid, p_main_steps text[], p_side_artifacts jsonb)
RETURNS TABLE (finding text, count bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT * FROM audit_batches(p_tenant_id)
    UNION ALL
    SELECT * FROM audit_files(p_tenant_id, '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
                              p_main_steps, p_side_artifacts) f
     WHERE f.finding NOT IN ('lost', 'doubled') -- audit() returns these two
$$;
ALTER FUNCTION audit_findings(uuid, text[], jsonb) OWNER TO fairway_worker;

-- The latest complete audit: 'rows', 'objects' (of either walk through the bucket), or 'artifacts' for the walk from the rows'
-- originals and artifacts to the bucket.
CREATE OR REPLACE FUNCTION last_audit(p_kind text)
RETURNS TABLE (ended_at timestamptz, checked bigint, findings jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT a.ended_at, a.checked, a.findings FROM audits a
     WHERE a.kind = CASE p_kind WHEN 'artifacts' THEN 'objects' ELSE p_kind END
       AND (p_kind <> 'artifacts' OR a.findings->>'walk' = p_kind)
     ORDER BY a.ended_at DESC LIMIT 1
$$;
ALTER FUNCTION last_audit(text) OWNER TO fairway_worker;

-- Audits the next p_files files and, after the last of all files, the counters; returns the findings of this round.
-- A complete walk is stored in `audits`; the next one starts p_every_s seconds later. Until then, and while another upkeep
-- audits, no row is returned.
CREATE OR REPLACE FUNCTION audit_rows(
    p_every_s double precision, p_files integer, p_main_steps text[], p_side_artifacts jsonb)
RETURNS TABLE (findings jsonb)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    at audit_walks%ROWTYPE;
    since uuid;
    last_file uuid;
    looked_at bigint;
    found jsonb;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('audit_rows', 6)) THEN
        RETURN;
    END IF;
    SELECT * INTO at FROM audit_walks w WHERE w.walk = 'rows';
    IF at.reached = '' AND at.rested_at > clock_timestamp() - make_interval(secs => p_every_s)
       AND at.rested_at <= clock_timestamp() THEN -- later: the clock has stepped back
        RETURN;
    END IF;
    since := coalesce(nullif(at.reached, ''), '00000000-0000-0000-0000-000000000000')::uuid;
    SELECT count(*), max(n.file_id::text)::uuid INTO looked_at, last_file
      FROM (SELECT f.file_id FROM files f WHERE f.file_id > since ORDER BY f.file_id LIMIT p_files) n;
    IF looked_at < p_files THEN
        last_file := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    END IF;
    SELECT coalesce(jsonb_object_agg(a.finding, a.count), '{}') INTO found
      FROM audit_files(NULL, since, last_file, p_main_steps, p_side_artifacts) a;
    IF looked_at < p_files THEN
        found := add_findings(found, (SELECT coalesce(jsonb_object_agg(a.finding, a.count), '{}') FROM (
            SELECT * FROM audit_batches(NULL)
            UNION ALL
            SELECT 'lost', b.unaccounted FROM audit_balance(NULL) b WHERE b.unaccounted > 0) a));
    END IF;
    UPDATE audit_walks w
       SET reached = last_file::text, checked = w.checked + looked_at, findings = add_findings(w.findings, found)
     WHERE w.walk = 'rows' RETURNING w.* INTO at;
    IF looked_at < p_files THEN
        INSERT INTO audits (kind, ended_at, checked, findings) VALUES ('rows', clock_timestamp(), at.checked, at.findings);
        DELETE FROM audits a WHERE a.kind = 'rows' AND a.ended_at < clock_timestamp() - interval '30 days';
        UPDATE audit_walks w SET reached = '', checked = 0, findings = '{}', rested_at = clock_timestamp() WHERE w.walk = 'rows';
    END IF;
    RETURN QUERY SELECT found;
END $$;

-- Adds the findings of two rounds, name by name.
CREATE OR REPLACE FUNCTION add_findings(p_some jsonb, p_more jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_object_agg(n.key, n.total), '{}') FROM (
        SELECT e.key, sum(e.value::bigint) AS total
          FROM (SELECT * FROM jsonb_each_text(p_some) UNION ALL SELECT * FROM jsonb_each_text(p_more)) e
         GROUP BY 1) n
$$;

-- The state of each object of the bucket according to the database:
--   'referenced'  a row refers to it
--   'at_work'     an attempt that still holds its lease has stored it
--   'spare'       an attempt has stored it and has ended without recording it
--   'awaited'     it is an upload whose event has not been handled
--   'removed'     its file, or the file's original, is erased
--   'unknown'     no file has such an object
CREATE OR REPLACE FUNCTION object_verdicts(p_keys text[]) RETURNS TABLE (object_key text, verdict text)
LANGUAGE sql STABLE AS $$
    SELECT k.key,
           CASE WHEN k.file_id IS NULL THEN 'unknown'
                WHEN e.export_id IS NOT NULL THEN CASE WHEN k.key IN (e.object_key, e.progress ->> 'manifest')
                                                            OR e.progress -> 'archives' @> jsonb_build_array(jsonb_build_object('key', k.key))
                                                            THEN 'referenced'
                                                       WHEN e.state = 'running' THEN 'at_work' ELSE 'spare' END
                WHEN n.receipt_id IS NOT NULL THEN CASE WHEN n.export_deleted_at IS NULL THEN 'referenced' ELSE 'spare' END
                WHEN f.file_id IS NULL THEN CASE WHEN t.file_id IS NULL THEN 'unknown' ELSE 'removed' END
                WHEN k.key = f.object_key THEN
                     CASE WHEN f.original_erased_at IS NOT NULL THEN 'removed'
                          WHEN f.state IN ('uploading', 'upload_missing') THEN 'awaited' ELSE 'referenced' END
                WHEN EXISTS (SELECT 1 FROM artifacts a WHERE a.file_id = k.file_id AND a.object_key = k.key) THEN 'referenced'
                WHEN EXISTS (SELECT 1 FROM steps s WHERE s.file_id = k.file_id AND s.state = 'running'
                                AND starts_with(k.key, 'artifacts/' || f.tenant_id || '/' || f.file_id || '/' || s.step || '/'
                                    || s.part || '-' || s.attempt || '-' || left(s.lease_id::text, 8) || '/')) THEN 'at_work'
                ELSE 'spare' END
      FROM (SELECT key, CASE WHEN split_part(key, '/', 3) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                             THEN split_part(key, '/', 3)::uuid END AS file_id FROM unnest(p_keys) key) k
      LEFT JOIN files f ON f.file_id = k.file_id
      LEFT JOIN tombstones t ON t.file_id = k.file_id
      LEFT JOIN exports e ON e.export_id = k.file_id
      LEFT JOIN tenant_receipts n ON n.receipt_id = k.file_id
$$;

-- Saves the progress of a walk. A complete walk is stored in `audits`, and the next one starts from the beginning.
CREATE OR REPLACE FUNCTION note_walk(p_walk text, p_from text, p_reached text, p_checked bigint, p_findings jsonb, p_ended boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    noted audit_walks%ROWTYPE;
BEGIN
    UPDATE audit_walks w
       SET reached = p_reached, checked = w.checked + p_checked,
           findings = add_findings(w.findings, p_findings)
     WHERE w.walk = p_walk AND w.reached = p_from -- of two walkers at the same time, only one is counted
    RETURNING * INTO noted;
    IF FOUND AND p_ended THEN
        INSERT INTO audits (kind, ended_at, checked, findings)
        SELECT 'objects', clock_timestamp(), noted.checked, jsonb_build_object('walk', p_walk) || noted.findings;
        DELETE FROM audits WHERE kind = 'objects' AND ended_at < clock_timestamp() - interval '30 days';
        UPDATE audit_walks SET reached = '', checked = 0, findings = '{}', rested_at = clock_timestamp() WHERE walk = p_walk;
    END IF;
END $$;
