-- Records outcomes of attempts in one transaction, each fenced by its lease: the step's state, the ledger, the results, the plan
-- of what follows, and the file's state. Each outcome is an object:
--   file_id, step, part, lease_id: the attempt;
--   state, outcome (the word in the ledger) and counts, {"failures", "snoozes", "losses"}: an `Entry` of
--   layers/domain/ledger.py; reason, error_code, error_detail, delay_s, cost_s, host;
--   made: the results of keep_results, and an identity, a move by a rule, notes, another estimate, and what was used;
--   then: {"planned"?, "file_state"?, "error"?: [step, code, detail]}, which is applied when all parts of the step have ended,
--   if what follows is known in advance. Otherwise the caller plans in the same transaction.
--
-- Returns for each, with its index from 1: {"fenced": true} if the attempt no longer holds the lease; {"removed": true} if the
-- file is removed, so that the caller deletes the attempt's objects; else {"joined": ...}: whether every part of the step has
-- ended.
--
-- Each statement is for all outcomes, because one for each outcome costs several times as much. The files' rows are locked first,
-- in the order of their ids, as in every other function that locks several: of two parts that end at the same time, the
-- second sees the end of the first. Lanes are locked last.
CREATE OR REPLACE FUNCTION record_outcomes(p_outcomes jsonb) RETURNS TABLE ("position" bigint, verdict jsonb)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$ -- plans may be made while the tables are small
#variable_conflict use_column
DECLARE
    held bigint[];    -- positions of the outcomes whose attempt held the lease
    kept bigint[];    -- those of them whose file is not removed
    joined bigint[];  -- those of them after which every part of the step has ended
    moved record;
    stays_because text;
    plans jsonb;
BEGIN
    PERFORM FROM files f
      WHERE f.file_id = ANY (ARRAY(SELECT (o.one ->> 'file_id')::uuid FROM a_few(p_outcomes) AS o(one)))
      ORDER BY f.file_id FOR UPDATE;

    WITH ended AS (
        UPDATE steps s
           SET state = o.state_now, lease_id = NULL, lease_owner = NULL, lease_expires_at = NULL,
               ended_at = CASE WHEN o.state_now IN ('done', 'skipped', 'failed', 'cancelled') THEN clock_timestamp() END,
               due_at = CASE WHEN o.state_now IN ('retrying', 'parked')
                             THEN clock_timestamp() + make_interval(secs => o.delay_s) END,
               failures = s.failures + coalesce((o.counts_now ->> 'failures')::integer, 0),
               snoozes = s.snoozes + coalesce((o.counts_now ->> 'snoozes')::integer, 0),
               losses = s.losses + coalesce((o.counts_now ->> 'losses')::real, 0),
               cost_estimate_s = CASE WHEN o.removed THEN s.cost_estimate_s
                                      ELSE coalesce((o.made ->> 'cost_estimate_s')::real, s.cost_estimate_s) END,
               reason = o.reason, error_code = o.error_code, error_detail = o.error_detail,
               notes = CASE WHEN NOT o.removed THEN o.made -> 'notes' END,
               stopped_from = CASE WHEN o.removed AND NOT o.cancelled THEN 'ready' END
          FROM judged_outcomes(p_outcomes) o
         WHERE s.file_id = o.file_id AND s.step = o.step AND s.part = o.part
           AND s.state = 'running' AND s.lease_id = o.lease_id
        RETURNING o.position, o.removed, s.file_id, s.step, s.part, s.attempt, s.tenant_id, o.outcome_now, s.error_code,
                  coalesce(s.error_detail, s.reason) AS detail, s.started_at, o.cost_s, o.host, o.made -> 'used' AS used),
    ledger AS ( -- what was used of paid services is stored even if nothing else of the attempt is
        INSERT INTO attempts (file_id, step, part, attempt, tenant_id, outcome, error_code, error_detail,
                              started_at, ended_at, cost_s, host, used)
        SELECT e.file_id, e.step, e.part, e.attempt, e.tenant_id, e.outcome_now, e.error_code, e.detail,
               e.started_at, clock_timestamp(), e.cost_s, e.host, e.used FROM ended e)
    SELECT array_agg(e.position), array_agg(e.position) FILTER (WHERE NOT e.removed) INTO held, kept FROM ended e;

    PERFORM keep_results(p_outcomes, kept);
    IF p_outcomes @? '$[*].made.routed' THEN
        FOR moved IN SELECT o.* FROM judged_outcomes(p_outcomes) o WHERE o.position = ANY (kept) AND o.made ? 'routed' LOOP
            stays_because := (SELECT move_by_rule(f, moved.made -> 'routed') FROM files f WHERE f.file_id = moved.file_id);
            UPDATE steps s SET reason = stays_because
             WHERE stays_because IS NOT NULL AND s.file_id = moved.file_id AND s.step = moved.step AND s.part = moved.part;
        END LOOP;
    END IF;

    joined := (SELECT array_agg(o.position) FROM judged_outcomes(p_outcomes) o
                WHERE o.position = ANY (kept) AND o.state_now IN ('done', 'skipped', 'failed') AND NOT o.cancelled
                  AND NOT EXISTS (SELECT 1 FROM steps s
                                   WHERE s.file_id = o.file_id AND s.step = o.step
                                     AND s.state NOT IN ('done', 'skipped', 'failed', 'cancelled')));
    plans := (SELECT jsonb_agg(jsonb_build_object('file_id', o.file_id, 'planned', o."then" -> 'planned'))
                FROM judged_outcomes(p_outcomes) o WHERE o.position = ANY (joined) AND o."then" ? 'planned');
    IF plans IS NOT NULL THEN
        PERFORM write_plans(plans);
    END IF;

    -- A single write of each file's row. At most one outcome of a file identifies it, one routes it, and one ends its pipeline.
    UPDATE files f
       SET updated_at = clock_timestamp(),
           media_type = CASE WHEN n.identity IS NULL THEN f.media_type ELSE n.identity ->> 'media_type' END,
           page_count = CASE WHEN n.identity IS NULL THEN f.page_count ELSE (n.identity ->> 'page_count')::integer END,
           size_bytes = CASE WHEN n.identity IS NULL THEN f.size_bytes ELSE (n.identity ->> 'size_bytes')::bigint END,
           sha256 = CASE WHEN n.identity IS NULL THEN f.sha256 ELSE n.identity ->> 'sha256' END,
           separated = CASE WHEN n.identity IS NULL THEN f.separated ELSE n.identity -> 'separated' END,
           barcodes = CASE WHEN n.identity IS NULL THEN f.barcodes ELSE n.identity -> 'barcodes' END,
           kind = CASE WHEN n.routed IS NULL THEN f.kind ELSE n.routed ->> 'kind' END,
           kind_probability = CASE WHEN n.routed IS NULL THEN f.kind_probability ELSE (n.routed ->> 'probability')::real END,
           kind_by = CASE WHEN n.routed IS NULL THEN f.kind_by ELSE n.routed ->> 'by' END,
           state = coalesce(n.ending ->> 'file_state', f.state),
           error_step = CASE WHEN n.ending IS NULL THEN f.error_step ELSE n.ending #>> '{error,0}' END,
           error_code = CASE WHEN n.ending IS NULL THEN f.error_code ELSE n.ending #>> '{error,1}' END,
           error_detail = CASE WHEN n.ending IS NULL THEN f.error_detail ELSE n.ending #>> '{error,2}' END
      FROM (SELECT o.file_id,
                   (array_agg(o.made -> 'identity') FILTER (WHERE NOT o.removed AND o.made ? 'identity'))[1] AS identity,
                   (array_agg(o.made -> 'routed') FILTER (WHERE NOT o.removed AND o.made ? 'routed'))[1] AS routed,
                   (array_agg(o."then") FILTER (WHERE o.position = ANY (joined) AND o."then" ? 'file_state'))[1] AS ending
              FROM judged_outcomes(p_outcomes) o WHERE o.position = ANY (held) GROUP BY o.file_id) n
     WHERE f.file_id = n.file_id;
    IF plans IS NOT NULL THEN
        PERFORM activate_lanes(plans);
    END IF;

    RETURN QUERY
    SELECT o.position,
           CASE WHEN o.position = ANY (held)
                THEN jsonb_build_object('removed', o.removed, 'joined', coalesce(o.position = ANY (joined), false))
                ELSE jsonb_build_object('fenced', true, 'removed', o.removed) END
      FROM judged_outcomes(p_outcomes) o;
END $$;

-- The outcomes with their positions, and what is to be recorded of them: the attempt of a removed file counts as cancelled and
-- leaves nothing, and so does one of a cancelled file that would have to run again. A file that does not exist counts as removed.
CREATE OR REPLACE FUNCTION judged_outcomes(p_outcomes jsonb)
RETURNS TABLE ("position" bigint, file_id uuid, step text, part integer, lease_id uuid, state_now text, outcome_now text,
               counts_now jsonb, delay_s double precision, reason text, error_code text, error_detail text,
               cost_s double precision, host text, made jsonb, "then" jsonb, removed boolean, cancelled boolean)
LANGUAGE sql STABLE AS $$
    SELECT e.index, o.file_id, o.step, o.part, o.lease_id,
           CASE WHEN v.is_void THEN 'cancelled' ELSE o.state END, CASE WHEN v.is_void THEN 'cancelled' ELSE o.outcome END,
           CASE WHEN v.is_void THEN '{}' ELSE o.counts END, o.delay_s, o.reason, o.error_code, o.error_detail,
           o.cost_s, o.host, o.made, nullif(o."then", 'null'), v.removed, v.cancelled
      FROM a_few(p_outcomes) WITH ORDINALITY AS e(one, index)
     CROSS JOIN LATERAL jsonb_to_record(e.one) AS o(
           file_id uuid, step text, part integer, lease_id uuid, state text, outcome text, counts jsonb,
           delay_s double precision, reason text, error_code text, error_detail text,
           cost_s double precision, host text, made jsonb, "then" jsonb)
      LEFT JOIN files f ON f.file_id = o.file_id
     CROSS JOIN LATERAL (SELECT f.file_id IS NULL OR f.removed_at IS NOT NULL AS removed,
                                coalesce(f.state = 'cancelled', false) AS cancelled) j
     CROSS JOIN LATERAL (SELECT j.removed, j.cancelled,
                                j.removed OR (j.cancelled AND o.state IN ('retrying', 'parked')) AS is_void) v
$$;

-- Records one outcome, as record_outcomes does.
CREATE OR REPLACE FUNCTION record_outcome(
    p_file_id uuid, p_step text, p_part integer, p_lease_id uuid,
    p_state text, p_outcome text, p_counts jsonb, p_delay_s double precision,
    p_reason text, p_error_code text, p_error_detail text,
    p_cost_s double precision, p_host text, p_made jsonb, p_then jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
    SELECT r.verdict FROM record_outcomes(jsonb_build_array(jsonb_build_object(
        'file_id', p_file_id, 'step', p_step, 'part', p_part, 'lease_id', p_lease_id, 'state', p_state, 'outcome', p_outcome,
        'counts', p_counts, 'delay_s', p_delay_s, 'reason', p_reason, 'error_code', p_error_code,
        'error_detail', p_error_detail, 'cost_s', p_cost_s, 'host', p_host, 'made', p_made, 'then', p_then))) r
$$;

-- Stores the results of those attempts that are at these positions, from 1, in [{"file_id", "step", "part", "made": {"pages"?,
-- "artifacts"?, "record"?, "window"?}}, ...]. Of two readings of a page, `replaces` in layers/domain/page.py chooses which is
-- kept.
CREATE OR REPLACE FUNCTION keep_results(p_results jsonb, p_positions bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$ -- plans may be made while the tables are small
BEGIN
    IF p_results @? '$[*].made.window' THEN
        INSERT INTO windows (file_id, step, part, tenant_id, found)
        SELECT f.file_id, r.one ->> 'step', (r.one -> 'part')::integer, f.tenant_id, r.made -> 'window'
          FROM results_at(p_results, p_positions) r JOIN files f USING (file_id) WHERE r.made ? 'window'
        ON CONFLICT (file_id, step, part) DO UPDATE SET found = excluded.found;
    END IF;
    IF p_results @? '$[*].made.pages' THEN
        INSERT INTO pages AS p (file_id, page_number, tenant_id, source, confidence, width, height, turned, text, words,
                                facts, begins_document)
        SELECT f.file_id, n.number, f.tenant_id, n.source, n.confidence, n.width, n.height, coalesce(n.turned, 0),
               n.text, n.words, n.facts, coalesce(n.begins_document, false)
          FROM results_at(p_results, p_positions) r JOIN files f USING (file_id)
         CROSS JOIN LATERAL jsonb_to_recordset(r.made -> 'pages') AS n(
               number integer, source text, confidence real, width real, height real, turned smallint,
               text text, words jsonb, facts jsonb, begins_document boolean)
        ON CONFLICT (file_id, page_number) DO UPDATE
           SET source = excluded.source, confidence = excluded.confidence, width = excluded.width,
               height = excluded.height, turned = excluded.turned, text = excluded.text, words = excluded.words,
               facts = coalesce(excluded.facts, p.facts),
               begins_document = p.begins_document OR excluded.begins_document
         WHERE p.source IS NULL OR excluded.confidence >= p.confidence;
    END IF;
    IF p_results @? '$[*].made.artifacts' THEN
        INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes,
                               width, height, page_count, source, confidence, sha256, page_hash)
        SELECT f.file_id, n.kind, f.tenant_id, n.object_key, n.media_type, n.size_bytes,
               n.width, n.height, n.page_count, n.source, n.confidence, n.sha256, n.page_hash
          FROM results_at(p_results, p_positions) r JOIN files f USING (file_id)
         CROSS JOIN LATERAL jsonb_to_recordset(r.made -> 'artifacts') AS n(
               kind text, object_key text, media_type text, size_bytes bigint,
               width integer, height integer, page_count integer, source text, confidence real, sha256 text, page_hash text)
        ON CONFLICT (file_id, kind) DO UPDATE
           SET object_key = excluded.object_key, media_type = excluded.media_type, size_bytes = excluded.size_bytes,
               width = excluded.width, height = excluded.height, page_count = excluded.page_count,
               source = excluded.source, confidence = excluded.confidence, sha256 = excluded.sha256,
               page_hash = excluded.page_hash, created_at = now();
    END IF;
    IF p_results @? '$[*].made.record' THEN
        INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, doubtful, notes, evidence,
                             complete, further, found_by, remembered, lost)
        SELECT f.file_id, f.tenant_id, f.dataset_id, r.schema_version,
               r.fields, r.missing, coalesce(r.doubtful, '[]'), coalesce(r.notes, '[]'), r.evidence, r.complete,
               coalesce(r.further, '[]'), coalesce(r.found_by, 'rules'), coalesce(r.remembered, '[]'), r.lost
          FROM results_at(p_results, p_positions) o JOIN files f USING (file_id)
         CROSS JOIN LATERAL jsonb_to_record(o.made -> 'record') AS r(
               schema_version integer, fields jsonb, missing jsonb, doubtful jsonb, notes jsonb, evidence jsonb,
               complete boolean, further jsonb, found_by text, remembered jsonb, lost boolean)
         WHERE o.made ? 'record'
        ON CONFLICT (file_id) DO UPDATE
           SET schema_version = excluded.schema_version, fields = excluded.fields, missing = excluded.missing,
               doubtful = excluded.doubtful, notes = excluded.notes, evidence = excluded.evidence,
               complete = excluded.complete, further = excluded.further, created_at = now(),
               found_by = excluded.found_by, remembered = excluded.remembered, lost = excluded.lost;
        DELETE FROM windows w -- their content is in the record now
         USING results_at(p_results, p_positions) o WHERE w.file_id = o.file_id AND o.made ? 'record';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION results_at(p_results jsonb, p_positions bigint[])
RETURNS TABLE (file_id uuid, made jsonb, one jsonb)
LANGUAGE sql IMMUTABLE AS $$
    SELECT (e.one ->> 'file_id')::uuid, e.one -> 'made', e.one
      FROM a_few(p_results) WITH ORDINALITY AS e(one, index) WHERE e.index = ANY (p_positions)
$$;

-- Stores the results of one attempt, as keep_results does.
CREATE OR REPLACE FUNCTION keep_what_was_made(p_file files, p_made jsonb) RETURNS void
LANGUAGE sql VOLATILE AS $$
    SELECT keep_results(jsonb_build_array(jsonb_build_object('file_id', p_file.file_id, 'made', p_made)), '{1}')
$$;
