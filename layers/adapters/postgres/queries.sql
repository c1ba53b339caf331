-- arrive --
-- Handles events of created objects; returns a verdict for each.
SELECT object_key, verdict FROM arrive(:arrivals, :step, :least_s, :bytes_a_s)

-- claim --
-- Claims queued parts of one step for an attempt each.
SELECT claim FROM claim_steps(:step, :wake_ups, :owner, :lease_s, :durably) AS claim

-- record_outcome --
-- Records the outcome of an attempt, fenced by its lease.
SELECT record_outcome(:file_id, :step, :part, :lease_id, :state, :outcome, :counts, :delay_s,
                      :reason, :error_code, :error_detail, :cost_s, :host, :made, CAST(:then AS jsonb)) AS verdict

-- record_outcomes --
-- Records several outcomes, each with the plan that follows it; returns the verdicts in the same order.
SELECT verdict FROM record_outcomes(:outcomes) ORDER BY position

-- known_senders --
-- What people have corrected or approved in documents of a dataset that share most of these keys.
SELECT "values", keys FROM known_senders(:tenant_id, :dataset_id, :file_id, CAST(:keys AS text[]), :by_key, :limit)

-- file_facts --
-- The facts about a file that a planner may use.
SELECT file_facts(:file_id) AS facts

-- apply_plan --
-- Applies the plan of a file's steps.
SELECT apply_plan(:file_id, :planned)

-- windows --
-- The findings of each part of a step, by part, and the number of parts.
SELECT (SELECT jsonb_object_agg(part, found) FROM windows WHERE file_id = :file_id AND step = :step) AS windows,
       (SELECT count(*) FROM steps WHERE file_id = :file_id AND step = :step) AS part_count

-- keep_merged --
-- Stores the merged result of a step's parts.
SELECT keep_what_was_made(f, :made) FROM files f WHERE f.file_id = :file_id

-- settle_file --
-- Sets the state of a file whose main pipeline has ended.
SELECT settle_file(:file_id, :state, :error_step, :error_code, :error_detail)

-- keep_artifact --
-- Records an artifact before its attempt ends; returns no row if the attempt no longer holds the lease.
SELECT keep_what_was_made(f, :made) FROM files f JOIN steps s USING (file_id)
 WHERE f.file_id = :file_id AND f.removed_at IS NULL
   AND s.step = :step AND s.part = :part AND s.state = 'running' AND s.lease_id = :lease_id
   FOR UPDATE OF f

-- add_members --
-- Creates files for the members of an archive; returns the object keys of those that are not stored yet.
SELECT place, object_key FROM add_members(:file_id, :step, :part, :lease_id, :members, :upload_s)

-- dispatch --
-- Queues ready parts in fair order, up to each step's in-flight cap; a part that `rides` belongs to the bundle before it.
SELECT file_id, step, part, attempt, rides FROM dispatch_steps(:limits, :policy)

-- correct_lane --
-- Charges a lane for the difference between an attempt's measured time and its estimate.
SELECT correct_lane(:step, :tenant_id, :batch_id, :difference_s)

-- count_read_pages --
SELECT count(*) AS pages FROM pages
 WHERE file_id = :file_id AND source IS NOT NULL AND page_number <> ALL (:besides::integer[])

-- pages --
-- The pages of a file, with text and words.
SELECT page_number, text, words, source, confidence, width, height, turned, facts, begins_document
  FROM pages WHERE file_id = :file_id ORDER BY page_number

-- extend --
-- Extends the leases of claims that are still held.
UPDATE steps s SET lease_expires_at = clock_timestamp() + make_interval(secs => :lease_s)
  FROM jsonb_to_recordset(:held) AS h(file_id uuid, part integer, lease_id uuid)
 WHERE s.file_id = h.file_id AND s.step = :step AND s.part = h.part
   AND s.state = 'running' AND s.lease_id = h.lease_id

-- expired_claims --
-- Claims whose lease has expired, oldest first.
SELECT file_facts(s.file_id) || jsonb_build_object(
           'step', s.step, 'part', s.part, 'lease_id', s.lease_id, 'attempt', s.attempt,
           'failures_before', s.failures, 'snoozes', s.snoozes, 'losses', s.losses, 'owner', s.lease_owner,
           'cost_estimate_s', s.cost_estimate_s, 'redrives', s.redrives,
           'page_numbers', to_jsonb(s.page_numbers)) AS claim
  FROM steps s
 WHERE s.state = 'running' AND s.lease_expires_at < clock_timestamp()
 ORDER BY s.lease_expires_at LIMIT :limit

-- claims_held_by --
-- Claims of one owner.
SELECT file_facts(s.file_id) || jsonb_build_object(
           'step', s.step, 'part', s.part, 'lease_id', s.lease_id, 'attempt', s.attempt,
           'failures_before', s.failures, 'snoozes', s.snoozes, 'losses', s.losses, 'owner', s.lease_owner,
           'cost_estimate_s', s.cost_estimate_s, 'redrives', s.redrives,
           'page_numbers', to_jsonb(s.page_numbers)) AS claim
  FROM steps s
 WHERE s.state = 'running' AND s.lease_owner = :owner

-- wake_due --
-- Makes due parts ready; returns their steps.
SELECT DISTINCT step FROM wake_due(:limit)

-- backlog --
-- The backlog of each step: its longest wait, its parked parts, and the difference between its tenants.
SELECT step, oldest_s, parked, ahead_s FROM backlog(:steps, :most)

-- wake_parked --
-- Makes parked parts of some steps due now.
UPDATE steps s SET due_at = clock_timestamp()
  FROM (SELECT file_id, step, part FROM steps
         WHERE state = 'parked' AND step = ANY (:steps) AND due_at > clock_timestamp()
         ORDER BY step, due_at LIMIT :limit FOR UPDATE SKIP LOCKED) p
 WHERE (s.file_id, s.step, s.part) = (p.file_id, p.step, p.part)

-- unclaimed_steps --
-- The steps with wake-ups that were published so long ago that they may be lost, or in the future: then the clock was set back,
-- and their age is unknown.
SELECT DISTINCT step FROM steps
 WHERE state = 'queued' AND (queued_at < clock_timestamp() - make_interval(secs => :older_than_s)
                             OR queued_at > clock_timestamp() + interval '1 second')

-- unclaimed --
-- Wake-ups that were published so long ago that they may be lost, or in the future; they count as published again now. Parts
-- of a bundle stay together, so that many lost parts do not need as many messages.
WITH stale AS (
    SELECT file_id, step, part, batch_id, queued_at, rides FROM steps
     WHERE state = 'queued' AND (queued_at < clock_timestamp() - make_interval(secs => :older_than_s)
                                 OR queued_at > clock_timestamp() + interval '1 second')
       AND step <> ALL (CAST(:but_of AS text[]))
     ORDER BY queued_at LIMIT :limit FOR UPDATE SKIP LOCKED),
in_order AS (
    SELECT file_id, step, part, row_number() OVER (ORDER BY step, batch_id, queued_at) AS position,
           rides AND lag(batch_id) OVER (PARTITION BY step ORDER BY batch_id, queued_at) IS NOT DISTINCT FROM batch_id AS rides
      FROM stale),
again AS (
    UPDATE steps s SET queued_at = clock_timestamp() + o.position * interval '1 microsecond', rides = o.rides
      FROM in_order o WHERE (s.file_id, s.step, s.part) = (o.file_id, o.step, o.part)
    RETURNING s.file_id, s.step, s.part, s.attempt + 1 AS attempt, s.rides, o.position)
SELECT file_id, step, part, attempt, rides FROM again ORDER BY position

-- analyze_grown --
-- Analyzes tables that have grown much; returns their number.
SELECT analyze_grown() AS analyzed

-- repair_lanes --
-- Repairs lanes that a crash or a late commit left wrong; returns how many became active.
SELECT repair_lanes() AS repaired

-- steps_with_backlog --
-- The steps that have an active lane.
SELECT DISTINCT step FROM lanes WHERE active

-- measure_backlogs --
-- Measures the backlog of every lane and how fast each step is served, unless that was done recently.
SELECT measure_backlogs(:slice_s, :least_s, :first_step) AS waiting

-- awaited --
-- Keys of objects that were announced and have not arrived, by tenant, oldest first.
-- Without files of manifests for which no upload was signed: their number is large, and none can have arrived.
-- Files that seem to be of the future were announced before the clock was set back.
SELECT f.tenant_id, array_agg(f.object_key ORDER BY f.file_id) AS object_keys
  FROM files f LEFT JOIN manifests m ON m.batch_id = f.batch_id AND f.manifest_line > m.signed_line
 WHERE f.state = 'uploading' AND f.removed_at IS NULL
   AND f.created_at NOT BETWEEN clock_timestamp() - make_interval(secs => :older_than_s) AND clock_timestamp()
   AND (m.manifest_id IS NULL OR f.updated_at <> f.created_at) -- its own upload was renewed
 GROUP BY f.tenant_id

-- miss_uploads --
-- Marks uploads that did not arrive in time.
WITH late AS (
    SELECT file_id FROM files
     WHERE state = 'uploading' AND upload_until < clock_timestamp()
     ORDER BY upload_until LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE files f SET state = 'upload_missing', updated_at = clock_timestamp()
  FROM late WHERE f.file_id = late.file_id

-- removals_due --
-- Removals whose undo window has closed, with some of their files; from now on they can't be undone.
WITH due AS (
    SELECT removal_id FROM removals
     WHERE erased_at IS NULL AND undone_at IS NULL AND erase_after <= clock_timestamp()
       AND NOT (whole_dataset AND EXISTS (SELECT 1 FROM files f WHERE f.dataset_id = removals.dataset_id AND f.removed_at IS NULL))
     ORDER BY erase_after LIMIT 10 FOR UPDATE SKIP LOCKED),
begun AS (
    UPDATE removals r SET erasing_at = coalesce(r.erasing_at, clock_timestamp())
      FROM due WHERE r.removal_id = due.removal_id RETURNING r.removal_id)
SELECT b.removal_id, coalesce(array_agg(ARRAY[f.tenant_id, f.file_id]) FILTER (WHERE f.file_id IS NOT NULL), '{}') AS files
  FROM begun b
  LEFT JOIN LATERAL (SELECT tenant_id, file_id FROM files WHERE removal_id = b.removal_id LIMIT :limit) f ON true
 GROUP BY b.removal_id

-- sweeps_due --
-- Erased removals whose objects are due for the last search, with their files.
SELECT r.removal_id, coalesce(array_agg(ARRAY[t.tenant_id, t.file_id] ORDER BY t.file_id)
                              FILTER (WHERE t.file_id IS NOT NULL), '{}') AS files
  FROM (SELECT removal_id FROM removals
         WHERE erased_at IS NOT NULL AND swept_at IS NULL AND sweep_after <= clock_timestamp()
         ORDER BY sweep_after LIMIT 10) r
  LEFT JOIN LATERAL (SELECT tenant_id, file_id FROM tombstones WHERE removal_id = r.removal_id) t ON true
 GROUP BY r.removal_id

-- swept --
-- Closes a removal after the last search for its objects.
UPDATE removals SET swept_at = clock_timestamp(), objects_erased = objects_erased + :objects_erased
 WHERE removal_id = :removal_id AND swept_at IS NULL

-- fold_counts --
-- Adds changes to the counts; returns their number.
SELECT fold_counts(:limit) AS folded

-- fold_attempts --
-- Adds new attempts to the totals of the ledger; returns their number.
SELECT fold_attempts() AS folded

-- audit_rows --
-- Audits the rows of the next files and stores the findings; returns no row if all files were audited recently.
SELECT findings FROM audit_rows(:every_s, :limit, CAST(:main_steps AS text[]), CAST(:side_artifacts AS jsonb))

-- walk --
-- The position that a walk has reached, and how long ago the last one ended.
SELECT reached, coalesce(extract(epoch FROM clock_timestamp() - rested_at), 1e9)::float8 AS rested_s
  FROM audit_walks WHERE walk = :walk

-- note_walk --
-- Saves the position that a walk has reached, with its findings.
SELECT note_walk(:walk, :start, :reached, :checked, :findings, :ended)

-- object_verdicts --
-- What the database knows about objects, by their keys.
SELECT object_key, verdict FROM object_verdicts(CAST(:keys AS text[]))

-- upload_verdicts --
-- The verdicts on unfinished multipart uploads, in their order.
SELECT verdict, removal_id FROM upload_verdicts(CAST(:keys AS text[]), CAST(:upload_ids AS text[])) ORDER BY index

-- count_erased --
-- Adds deleted objects and parts to the receipt of a removal.
UPDATE removals SET objects_erased = objects_erased + :objects_erased WHERE removal_id = :removal_id

-- recorded_objects --
-- The objects in the rows of the next files.
SELECT * FROM recorded_objects(
       CAST(:of_tenant_id AS uuid), coalesce(CAST(:after_file AS uuid), '00000000-0000-0000-0000-000000000000'), :limit)

-- beat --
-- Registers a worker or renews its registration; returns the live workers.
SELECT workers, slots, on_host FROM beat(:worker, :host, :version, :slots, :draining, :silent_s, :forgotten_s)

-- leave --
-- Deletes the registration of a worker.
DELETE FROM workers WHERE worker = :worker

-- take_turn --
-- Whether the caller should do a duty for the whole fleet.
SELECT take_turn(:duty, :every_s) AS taken

-- forget_requests --
-- Deletes expired idempotency keys, the oldest first.
DELETE FROM idempotency_keys k
 USING (SELECT tenant_id, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
         ORDER BY created_at LIMIT 10000 FOR UPDATE SKIP LOCKED) old
 WHERE (k.tenant_id, k.key) = (old.tenant_id, old.key)

-- forget_manifests --
-- Deletes manifests some time after their deadlines, and first the lines that they keep. Files of a manifest that are awaited
-- keep it: uploads that can't have arrived are told from others by it. Returns the number of rows.
WITH old AS MATERIALIZED (
    SELECT m.manifest_id FROM manifests m
     WHERE m.upload_until < now() - make_interval(days => :kept_days)
       AND NOT EXISTS (SELECT FROM files f WHERE f.batch_id = m.batch_id AND f.manifest_line IS NOT NULL
                          AND f.state = 'uploading' AND f.removed_at IS NULL)
     ORDER BY m.upload_until LIMIT 100 FOR UPDATE OF m SKIP LOCKED),
lines AS (
    DELETE FROM manifest_duplicates d
     USING (SELECT d.manifest_id, d.line FROM old JOIN manifest_duplicates d USING (manifest_id) LIMIT :limit) chosen
     WHERE (d.manifest_id, d.line) = (chosen.manifest_id, chosen.line)
    RETURNING d.line),
emptied AS (
    DELETE FROM manifests m USING old
     WHERE m.manifest_id = old.manifest_id
       AND NOT EXISTS (SELECT FROM manifest_duplicates d WHERE d.manifest_id = m.manifest_id)
    RETURNING m.manifest_id)
SELECT (SELECT count(*) FROM lines) + (SELECT count(*) FROM emptied) AS count

-- erase --
-- Erases the rows of removed files, leaves tombstones, and marks the removal as erased when no file is left.
SELECT erase_files(:removal_id, :file_ids, :objects_erased)

-- is_up --
-- Returns a row if the server answers.
SELECT 1

-- remove_rest --
-- Marks files of removed datasets that are still live; returns their number.
SELECT remove_rest_of_datasets(:limit) AS files

-- add_row_values --
-- Stores the values of records of earlier releases one by one; returns the number of records.
SELECT add_row_values(:limit) AS records

-- forget_audit_log --
-- Deletes old entries of the audit log; returns their number.
SELECT forget_audit_log(:kept_days, :limit) AS forgotten

-- routes --
-- The rules of a file's dataset, and whether a person has decided where the file belongs.
SELECT coalesce(d.routing, '{}') AS targets,
       (SELECT coalesce(jsonb_object_agg(t.dataset_id, t.name), '{}') FROM datasets t
         WHERE t.dataset_id IN (SELECT r.value::uuid FROM jsonb_each_text(d.routing) r)
           AND t.tenant_id = d.tenant_id AND t.removed_at IS NULL) AS names,
       coalesce(f.moved ->> 'by' = 'person', false)
       OR EXISTS (SELECT 1 FROM records r WHERE r.file_id = f.file_id AND (r.review <> 'open' OR r.set_values <> '{}'))
       AS chosen_by_person,
       lessons_version(f.dataset_id, :most_lessons) AS taught
  FROM files f JOIN datasets d USING (dataset_id) WHERE f.file_id = :file_id

-- kind_examples --
-- Files of which a person has taught the kind, the newest; and files of which the rules were sure and nobody objected. Each
-- with its first pages.
WITH lessons AS (
    SELECT k.file_id, k.kind, true AS taught FROM kind_lessons k
     WHERE k.dataset_id = :dataset_id AND k.tenant_id = :tenant_id ORDER BY k.taught_at DESC LIMIT :most_lessons),
sent AS (
    SELECT m.file_id, m.kind FROM file_moves m
     WHERE m.from_dataset_id = :dataset_id AND m.tenant_id = :tenant_id AND m.moved_by = 'rule'
     ORDER BY m.move_id DESC LIMIT :most_undisputed),
stayed AS (
    SELECT n.file_id, n.kind
      FROM (SELECT f.file_id, f.kind, f.kind_probability FROM files f
             WHERE f.dataset_id = :dataset_id AND f.tenant_id = :tenant_id AND f.removed_at IS NULL
             ORDER BY f.file_id DESC LIMIT 10 * :most_undisputed) n
     WHERE n.kind_probability >= :sure_from ORDER BY n.file_id DESC LIMIT :most_undisputed),
chosen AS (
    SELECT file_id, kind, taught FROM lessons
    UNION ALL
    SELECT u.file_id, u.kind, false FROM (SELECT * FROM sent UNION SELECT * FROM stayed) u
     WHERE u.kind IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lessons l WHERE l.file_id = u.file_id))
SELECT c.kind, c.taught, p.pages
  FROM chosen c JOIN files f ON f.file_id = c.file_id AND f.removed_at IS NULL,
       LATERAL (SELECT jsonb_agg(jsonb_build_array(p.page_number, p.text, p.width, p.height, p.turned, p.has_facts)
                                 ORDER BY p.page_number) AS pages
                  FROM (SELECT o.page_number, left(o.text, :characters) AS text, o.width, o.height, o.turned,
                               o.facts IS NOT NULL AS has_facts
                          FROM pages o WHERE o.file_id = c.file_id AND o.source IS NOT NULL
                         ORDER BY o.page_number LIMIT 2) p) p
 WHERE p.pages IS NOT NULL
