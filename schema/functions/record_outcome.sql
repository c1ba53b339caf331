-- Records the outcome of an attempt, fenced by its lease: the step's state, the ledger, and the results of the attempt.
-- p_state, p_outcome (the word in the ledger) and p_counts, {"failures", "snoozes", "losses"}, are an `Entry` of
-- layers/domain/ledger.py.
--
-- Returns {"fenced": true} if the attempt no longer holds the lease; {"removed": true} if the file is removed, so that the
-- caller deletes the attempt's objects; else {"joined": ...}: whether every part of the step has ended. If so, the caller
-- plans the next steps in the same transaction. The file's row is locked first: of two parts that end at the same time, the
-- second sees the end of the first.
--
-- p_then, {"planned"?, "file_state"?, "error"?: [step, code, detail]}, is applied when all parts have ended, if the next
-- steps are known in advance. The caller then calls activate_lanes for the steps that became ready.
CREATE OR REPLACE FUNCTION record_outcome(
    p_file_id uuid, p_step text, p_part integer, p_lease_id uuid,
    p_state text, p_outcome text, p_counts jsonb, p_delay_s double precision,
    p_reason text, p_error_code text, p_error_detail text,
    p_cost_s double precision, p_host text, p_made jsonb, p_then jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_file files%ROWTYPE;
    held steps%ROWTYPE;
    removed boolean;
    joined boolean;
    identity jsonb;
    routed jsonb;
    stays_because text;
    used jsonb := p_made -> 'used'; -- of paid services; stored even if nothing else of the attempt is
BEGIN
    SELECT * INTO the_file FROM files WHERE file_id = p_file_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN '{"fenced": true, "removed": true}';
    END IF;
    removed := the_file.removed_at IS NOT NULL;
    IF removed THEN
        p_outcome := 'cancelled'; p_state := 'cancelled'; p_counts := '{}'; p_made := '{}';
    ELSIF the_file.state = 'cancelled' AND p_state IN ('retrying', 'parked') THEN
        p_outcome := 'cancelled'; p_state := 'cancelled'; p_counts := '{}'; -- it would have to run again
    END IF;

    UPDATE steps s
       SET state = p_state, lease_id = NULL, lease_owner = NULL, lease_expires_at = NULL,
           ended_at = CASE WHEN p_state IN ('done', 'skipped', 'failed', 'cancelled') THEN clock_timestamp() END,
           due_at = CASE WHEN p_state IN ('retrying', 'parked')
                         THEN clock_timestamp() + make_interval(secs => p_delay_s) END,
           failures = s.failures + coalesce((p_counts ->> 'failures')::integer, 0),
           snoozes = s.snoozes + coalesce((p_counts ->> 'snoozes')::integer, 0),
           losses = s.losses + coalesce((p_counts ->> 'losses')::real, 0),
           cost_estimate_s = coalesce((p_made ->> 'cost_estimate_s')::real, s.cost_estimate_s),
           reason = p_reason, error_code = p_error_code, error_detail = p_error_detail, notes = p_made -> 'notes',
           stopped_from = CASE WHEN removed AND the_file.state <> 'cancelled' THEN 'ready' END
     WHERE s.file_id = p_file_id AND s.step = p_step AND s.part = p_part
       AND s.state = 'running' AND s.lease_id = p_lease_id
    RETURNING s.* INTO held;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('fenced', true, 'removed', removed);
    END IF;

    INSERT INTO attempts (file_id, step, part, attempt, tenant_id, outcome, error_code, error_detail,
                          started_at, ended_at, cost_s, host, used)
    VALUES (p_file_id, p_step, p_part, held.attempt, held.tenant_id, p_outcome, p_error_code,
            coalesce(p_error_detail, p_reason), held.started_at, clock_timestamp(), p_cost_s, p_host, used);

    IF p_made ? 'window' THEN
        INSERT INTO windows (file_id, step, part, tenant_id, found)
        VALUES (p_file_id, p_step, p_part, held.tenant_id, p_made -> 'window')
        ON CONFLICT (file_id, step, part) DO UPDATE SET found = excluded.found;
    END IF;
    IF p_made <> '{}' THEN
        PERFORM keep_what_was_made(the_file, p_made);
    END IF;
    routed := p_made -> 'routed';
    IF routed IS NOT NULL THEN
        stays_because := move_by_rule(the_file, routed);
        UPDATE steps s SET reason = stays_because
         WHERE stays_because IS NOT NULL AND s.file_id = p_file_id AND s.step = p_step AND s.part = p_part;
    END IF;
    joined := p_state IN ('done', 'skipped', 'failed') AND the_file.state <> 'cancelled' AND NOT EXISTS (
        SELECT 1 FROM steps s
         WHERE s.file_id = p_file_id AND s.step = p_step
           AND s.state NOT IN ('done', 'skipped', 'failed', 'cancelled'));
    IF NOT joined THEN
        p_then := NULL;
    ELSIF p_then ? 'planned' THEN
        PERFORM write_plan(p_file_id, p_then -> 'planned');
    END IF;
    -- A single write of the file's row.
    identity := p_made -> 'identity';
    UPDATE files f
       SET updated_at = clock_timestamp(),
           media_type = CASE WHEN identity IS NULL THEN f.media_type ELSE identity ->> 'media_type' END,
           page_count = CASE WHEN identity IS NULL THEN f.page_count ELSE (identity ->> 'page_count')::integer END,
           size_bytes = CASE WHEN identity IS NULL THEN f.size_bytes ELSE (identity ->> 'size_bytes')::bigint END,
           sha256 = CASE WHEN identity IS NULL THEN f.sha256 ELSE identity ->> 'sha256' END,
           separated = CASE WHEN identity IS NULL THEN f.separated ELSE identity -> 'separated' END,
           barcodes = CASE WHEN identity IS NULL THEN f.barcodes ELSE identity -> 'barcodes' END,
           kind = CASE WHEN routed IS NULL THEN f.kind ELSE routed ->> 'kind' END,
           kind_probability = CASE WHEN routed IS NULL THEN f.kind_probability ELSE (routed ->> 'probability')::real END,
           kind_by = CASE WHEN routed IS NULL THEN f.kind_by ELSE routed ->> 'by' END,
           state = coalesce(p_then ->> 'file_state', f.state),
           error_step = CASE WHEN p_then ? 'file_state' THEN p_then #>> '{error,0}' ELSE f.error_step END,
           error_code = CASE WHEN p_then ? 'file_state' THEN p_then #>> '{error,1}' ELSE f.error_code END,
           error_detail = CASE WHEN p_then ? 'file_state' THEN p_then #>> '{error,2}' ELSE f.error_detail END
     WHERE f.file_id = p_file_id;
    RETURN jsonb_build_object('removed', removed, 'joined', joined);
END $$;

-- Records several outcomes in one transaction, each an object of record_outcome's parameters. Returns its answer for each,
-- with its index from 1. Files are locked in the order of their ids, as in every other function that locks several, and
-- lanes after all files.
CREATE OR REPLACE FUNCTION record_outcomes(p_outcomes jsonb) RETURNS TABLE ("position" bigint, verdict jsonb)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    o record;
    plans jsonb := '[]';
BEGIN
    FOR o IN SELECT e.index, n.*
               FROM jsonb_array_elements(p_outcomes) WITH ORDINALITY AS e(one, index),
                    jsonb_to_record(e.one) AS n(
                    file_id uuid, step text, part integer, lease_id uuid, state text, outcome text, counts jsonb,
                    delay_s double precision, reason text, error_code text, error_detail text,
                    cost_s double precision, host text, made jsonb, "then" jsonb)
              ORDER BY n.file_id, n.part LOOP
        "position" := o.index;
        verdict := record_outcome(o.file_id, o.step, o.part, o.lease_id, o.state, o.outcome, o.counts, o.delay_s, o.reason,
                                  o.error_code, o.error_detail, o.cost_s, o.host, o.made, nullif(o."then", 'null'));
        IF verdict ->> 'joined' = 'true' AND o."then" ? 'planned' THEN
            plans := plans || jsonb_build_object('file_id', o.file_id, 'planned', o."then" -> 'planned');
        END IF;
        RETURN NEXT;
    END LOOP;
    PERFORM activate_lanes(plans);
END $$;

-- Stores the results of an attempt: {"pages", "artifacts", "record"}, each optional. Of two readings of a page, `replaces`
-- in layers/domain/page.py chooses which is kept.
CREATE OR REPLACE FUNCTION keep_what_was_made(p_file files, p_made jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_made ? 'pages' THEN
        INSERT INTO pages AS p (file_id, page_number, tenant_id, source, confidence, width, height, turned, text, words,
                                facts, begins_document)
        SELECT p_file.file_id, n.number, p_file.tenant_id, n.source, n.confidence, n.width, n.height, coalesce(n.turned, 0),
               n.text, n.words, n.facts, coalesce(n.begins_document, false)
          FROM jsonb_to_recordset(p_made -> 'pages') AS n(
               number integer, source text, confidence real, width real, height real, turned smallint,
               text text, words jsonb, facts jsonb, begins_document boolean)
        ON CONFLICT (file_id, page_number) DO UPDATE
           SET source = excluded.source, confidence = excluded.confidence, width = excluded.width,
               height = excluded.height, turned = excluded.turned, text = excluded.text, words = excluded.words,
               facts = coalesce(excluded.facts, p.facts),
               begins_document = p.begins_document OR excluded.begins_document
         WHERE p.source IS NULL OR excluded.confidence >= p.confidence;
    END IF;
    IF p_made ? 'artifacts' THEN
        INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes,
                               width, height, page_count, source, confidence, sha256, page_hash)
        SELECT p_file.file_id, n.kind, p_file.tenant_id, n.object_key, n.media_type, n.size_bytes,
               n.width, n.height, n.page_count, n.source, n.confidence, n.sha256, n.page_hash
          FROM jsonb_to_recordset(p_made -> 'artifacts') AS n(
               kind text, object_key text, media_type text, size_bytes bigint,
               width integer, height integer, page_count integer, source text, confidence real, sha256 text, page_hash text)
        ON CONFLICT (file_id, kind) DO UPDATE
           SET object_key = excluded.object_key, media_type = excluded.media_type, size_bytes = excluded.size_bytes,
               width = excluded.width, height = excluded.height, page_count = excluded.page_count,
               source = excluded.source, confidence = excluded.confidence, sha256 = excluded.sha256,
               page_hash = excluded.page_hash, created_at = now();
    END IF;
    IF p_made ? 'record' THEN
        INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, doubtful, notes, evidence,
                             complete, further, found_by, remembered, lost)
        SELECT p_file.file_id, p_file.tenant_id, p_file.dataset_id, r.schema_version,
               r.fields, r.missing, coalesce(r.doubtful, '[]'), coalesce(r.notes, '[]'), r.evidence, r.complete,
               coalesce(r.further, '[]'), coalesce(r.found_by, 'rules'), coalesce(r.remembered, '[]'), r.lost
          FROM jsonb_to_record(p_made -> 'record') AS r(
               schema_version integer, fields jsonb, missing jsonb, doubtful jsonb, notes jsonb, evidence jsonb,
               complete boolean, further jsonb, found_by text, remembered jsonb, lost boolean)
        ON CONFLICT (file_id) DO UPDATE
           SET schema_version = excluded.schema_version, fields = excluded.fields, missing = excluded.missing,
               doubtful = excluded.doubtful, notes = excluded.notes, evidence = excluded.evidence,
               complete = excluded.complete, further = excluded.further, created_at = now(),
               found_by = excluded.found_by, remembered = excluded.remembered, lost = excluded.lost;
        DELETE FROM windows w WHERE w.file_id = p_file.file_id; -- their content is in the record now
    END IF;
END $$;
