-- arrive --
-- Takes news of created objects: a verdict for each.
SELECT object_key, verdict FROM arrive(:arrivals)

-- claim --
-- Claims queued parts of one step for an attempt each.
SELECT claim FROM claim_steps(:step, :wake_ups, :owner, :lease_s, :durably) AS claim

-- record_outcome --
-- Records what came of an attempt, fenced by its lease.
SELECT record_outcome(:file_id, :step, :part, :lease_id, :outcome, :state, :delay_s,
                      :reason, :error_code, :error_detail, :cost_s, :host, :made, CAST(:then AS jsonb)) AS verdict

-- record_outcomes --
-- Records several outcomes, each with what follows it; the verdicts in order.
SELECT verdict FROM record_outcomes(:outcomes) ORDER BY place

-- file_facts --
-- What a planner may know of a file.
SELECT file_facts(:file_id) AS facts

-- apply_plan --
-- Carries out what was planned for a file's steps.
SELECT apply_plan(:file_id, :planned)

-- record_is_complete --
-- Whether the file's record lacks nothing; no row where there is no record.
SELECT complete FROM records WHERE file_id = :file_id

-- windows --
-- What each part of a step found, by part, and how many parts there are.
SELECT (SELECT jsonb_object_agg(part, found) FROM windows WHERE file_id = :file_id AND step = :step) AS windows,
       (SELECT count(*) FROM steps WHERE file_id = :file_id AND step = :step) AS part_count

-- keep_merged --
-- Keeps what the parts of a step made together.
SELECT keep_what_was_made(f, :made) FROM files f WHERE f.file_id = :file_id

-- settle_file --
-- Sets the state of a file whose main pipeline has ended.
SELECT settle_file(:file_id, :state, :error_step, :error_code, :error_detail)

-- keep_artifact --
-- Records an artifact before its attempt ends; no row when the lease is no longer ours.
SELECT keep_what_was_made(f, :made) FROM files f JOIN steps s USING (file_id)
 WHERE f.file_id = :file_id AND f.removed_at IS NULL
   AND s.step = :step AND s.part = :part AND s.state = 'running' AND s.lease_id = :lease_id
   FOR UPDATE OF f

-- add_members --
-- Announces members of an archive as files of its batch; their keys, where they are still to be stored.
SELECT place, object_key FROM add_members(:file_id, :step, :part, :lease_id, :members, :upload_s)

-- dispatch --
-- Queues ready parts in fair order, up to each step's in-flight cap; those that ride go along with the one before.
SELECT file_id, step, part, attempt, rides FROM dispatch_steps(:caps, :slice_s, :loads, :load_s)

-- correct_lane --
-- Charges a lane what an attempt really cost in place of its estimate.
SELECT correct_lane(:step, :tenant_id, :batch_id, :difference_s)

-- pages --
-- The pages of a file, with text and words.
SELECT page_number, text, words, source, confidence, width, height, turned
  FROM pages WHERE file_id = :file_id ORDER BY page_number

-- extend --
-- Lets the leases of claims end later, where they are still held.
UPDATE steps s SET lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
  FROM jsonb_to_recordset(:held) AS h(file_id uuid, part integer, lease_id uuid)
 WHERE s.file_id = h.file_id AND s.step = :step AND s.part = h.part
   AND s.state = 'running' AND s.lease_id = h.lease_id

-- expired_claims --
-- Claims whose lease has run out, oldest first.
SELECT file_facts(s.file_id) || jsonb_build_object(
           'step', s.step, 'part', s.part, 'lease_id', s.lease_id, 'attempt', s.attempt,
           'failures_before', s.failures, 'snoozes', s.snoozes, 'losses', s.losses, 'owner', s.lease_owner,
           'cost_estimate_s', s.cost_estimate_s, 'page_numbers', to_jsonb(s.page_numbers)) AS claim
  FROM steps s
 WHERE s.state = 'running' AND s.lease_expires_at < clock_timestamp()
 ORDER BY s.lease_expires_at LIMIT :limit

-- claims_held_by --
-- Claims of one owner.
SELECT file_facts(s.file_id) || jsonb_build_object(
           'step', s.step, 'part', s.part, 'lease_id', s.lease_id, 'attempt', s.attempt,
           'failures_before', s.failures, 'snoozes', s.snoozes, 'losses', s.losses, 'owner', s.lease_owner,
           'cost_estimate_s', s.cost_estimate_s, 'page_numbers', to_jsonb(s.page_numbers)) AS claim
  FROM steps s
 WHERE s.state = 'running' AND s.lease_owner = :owner

-- wake_due --
-- Readies what is due.
SELECT DISTINCT step FROM wake_due(:limit)

-- backlog --
-- How each step stands: its oldest wait, what is parked, how far apart its tenants are.
SELECT step, oldest_s, parked, ahead_s FROM backlog(:steps, :most)

-- wake_parked --
-- Lets parked parts of some steps be due now.
UPDATE steps s SET due_at = clock_timestamp()
  FROM (SELECT file_id, step, part FROM steps
         WHERE state = 'parked' AND step = ANY (:steps) AND due_at > clock_timestamp()
         ORDER BY step, due_at LIMIT :limit FOR UPDATE SKIP LOCKED) p
 WHERE (s.file_id, s.step, s.part) = (p.file_id, p.step, p.part)

-- unclaimed_steps --
-- The steps of which wake-ups were published so long ago that they may be lost.
SELECT DISTINCT step FROM steps
 WHERE state = 'queued' AND queued_at < clock_timestamp() - make_interval(secs => :older_than_s)

-- unclaimed --
-- Wake-ups published so long ago that they may be lost; they count as published anew. What rode along rides again,
-- lest a crowd of lost parts becomes a crowd of messages.
WITH stale AS (
    SELECT file_id, step, part, batch_id, queued_at, rides FROM steps
     WHERE state = 'queued' AND queued_at < clock_timestamp() - make_interval(secs => :older_than_s)
       AND step <> ALL (CAST(:but_of AS text[]))
     ORDER BY queued_at LIMIT :limit FOR UPDATE SKIP LOCKED),
in_order AS (
    SELECT file_id, step, part, row_number() OVER (ORDER BY step, batch_id, queued_at) AS place,
           rides AND lag(batch_id) OVER (PARTITION BY step ORDER BY batch_id, queued_at) IS NOT DISTINCT FROM batch_id AS rides
      FROM stale),
again AS (
    UPDATE steps s SET queued_at = clock_timestamp() + o.place * interval '1 microsecond', rides = o.rides
      FROM in_order o WHERE (s.file_id, s.step, s.part) = (o.file_id, o.step, o.part)
    RETURNING s.file_id, s.step, s.part, s.attempt + 1 AS attempt, s.rides, o.place)
SELECT file_id, step, part, attempt, rides FROM again ORDER BY place

-- analyze_grown --
-- Has the planner learn of tables that have grown much.
SELECT analyze_grown() AS analyzed

-- repair_lanes --
-- Puts lanes with ready steps back among the active ones.
SELECT repair_lanes() AS repaired

-- steps_with_backlog --
-- The steps that have an active lane.
SELECT DISTINCT step FROM lanes WHERE active

-- measure_backlogs --
-- Looks at what stands in every lane and how fast it is served, unless that was done a moment ago.
SELECT measure_backlogs(:slice_s, :least_s) AS waiting

-- awaited --
-- Objects that were promised and have not arrived, by tenant, oldest first.
SELECT tenant_id, array_agg(object_key ORDER BY file_id) AS object_keys
  FROM files
 WHERE state = 'uploading' AND removed_at IS NULL
   AND created_at < clock_timestamp() - make_interval(secs => :older_than_s)
 GROUP BY tenant_id

-- miss_uploads --
-- Marks uploads that never came in time.
WITH late AS (
    SELECT file_id FROM files
     WHERE state = 'uploading' AND upload_until < clock_timestamp()
     ORDER BY upload_until LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE files f SET state = 'upload_missing', updated_at = clock_timestamp()
  FROM late WHERE f.file_id = late.file_id

-- removals_due --
-- Removals whose time to undo is over, with some of their files; from here on they can't be undone.
WITH due AS (
    SELECT removal_id FROM removals
     WHERE erased_at IS NULL AND undone_at IS NULL AND erase_after <= clock_timestamp()
     ORDER BY erase_after LIMIT 10 FOR UPDATE SKIP LOCKED),
begun AS (
    UPDATE removals r SET erasing_at = coalesce(r.erasing_at, clock_timestamp())
      FROM due WHERE r.removal_id = due.removal_id RETURNING r.removal_id)
SELECT b.removal_id, coalesce(array_agg(ARRAY[f.tenant_id, f.file_id]) FILTER (WHERE f.file_id IS NOT NULL), '{}') AS files
  FROM begun b
  LEFT JOIN LATERAL (SELECT tenant_id, file_id FROM files WHERE removal_id = b.removal_id LIMIT :limit) f ON true
 GROUP BY b.removal_id

-- sweeps_due --
-- Erased removals whose objects are to be looked for once more, each with some of its files after a given one.
SELECT r.removal_id, coalesce(array_agg(ARRAY[t.tenant_id, t.file_id] ORDER BY t.file_id)
                              FILTER (WHERE t.file_id IS NOT NULL), '{}') AS files
  FROM (SELECT removal_id FROM removals
         WHERE erased_at IS NOT NULL AND swept_at IS NULL AND sweep_after <= clock_timestamp()
         ORDER BY sweep_after LIMIT 10) r
  LEFT JOIN LATERAL (SELECT tenant_id, file_id FROM tombstones WHERE removal_id = r.removal_id) t ON true
 GROUP BY r.removal_id

-- swept --
-- Closes a removal for good.
UPDATE removals SET swept_at = clock_timestamp(), objects_erased = objects_erased + :objects_erased
 WHERE removal_id = :removal_id AND swept_at IS NULL

-- fold_counts --
-- Folds deltas into the counts.
SELECT fold_counts(:limit) AS folded

-- fold_attempts --
-- Adds what the ledger has more to its totals.
SELECT fold_attempts() AS folded

-- audit_rows --
-- Audits the rows of the next files and keeps the findings; no row where all files were audited recently.
SELECT findings FROM audit_rows(:every_s, :limit, CAST(:main_steps AS text[]), CAST(:side_artifacts AS jsonb))

-- walk --
-- How far a walk has come, and for how long it has rested.
SELECT reached, coalesce(extract(epoch FROM clock_timestamp() - rested_at), 1e9)::float8 AS rested_s
  FROM audit_walks WHERE walk = :walk

-- note_walk --
-- Notes how far a walk has come, and what it found.
SELECT note_walk(:walk, :start, :reached, :checked, :findings, :ended)

-- object_verdicts --
-- What objects are to us, by their keys.
SELECT object_key, verdict FROM object_verdicts(CAST(:keys AS text[]))

-- artifact_keys --
-- What is said to be stored, in order of file and kind after a place.
SELECT a.file_id || ' ' || a.kind AS place, a.object_key,
       CASE WHEN a.object_key = f.object_key THEN f.version_id END AS version_id
  FROM artifacts a JOIN files f USING (file_id)
 WHERE (a.file_id, a.kind) > (CAST(:after_file AS uuid), CAST(:after_kind AS text)) AND f.removed_at IS NULL
 ORDER BY a.file_id, a.kind LIMIT :limit

-- forget_requests --
-- Forgets idempotency keys that are out of date, the oldest first.
DELETE FROM idempotency_keys k
 USING (SELECT tenant_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
         ORDER BY created_at LIMIT 10000 FOR UPDATE SKIP LOCKED) old
 WHERE (k.tenant_id, k.key) = (old.tenant_id, old.key)

-- erase --
-- Erases the rows of removed files, leaves tombstones, and closes the removal when none is left.
SELECT erase_files(:removal_id, :file_ids, :objects_erased)

-- is_up --
-- Answers when the server does.
SELECT 1
