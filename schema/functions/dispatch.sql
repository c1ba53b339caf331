-- Dispatches ready parts of one step in fair order: of the active tenant lane with the lowest pass, in it of the active
-- batch lane with the lowest pass, the oldest ready part. Both lanes are charged. layers/domain/fairness.py has the same
-- policy as a model in memory, and its constants, which come as parameters.
--
-- The caller holds the step's dispatcher lock (dispatch_steps). Each lookup reads the first row of an index, so a dispatch
-- costs the same at any backlog. Sequential scans are off: a plan made while the tables were small would use them.
--
-- Marks and floors. While another session holds an old snapshot, the index entries of dispatched parts and of earlier
-- passes stay. Each lookup therefore starts at a mark (parts) or a floor (lanes) beyond them.
--   No active lane has a pass below a floor. A floor rises only while no lane is being activated (lock 5), and never above
--   a lane that was found empty but stays active: it has long parts only, or a part is being readied in it.
--   A part may be committed later than its ready_at. The mark therefore stays some seconds behind the last part taken, and
--   a batch lane counts as empty only after a search from its beginning. If that search reads many blocks because of dead
--   entries, it is not repeated for twenty times its duration, and the lane stays active during this time. Its duration
--   alone says nothing: the first search of a connection also plans, and on a busy machine every search takes long.
--
-- Bundles. A wake-up may contain up to p_bundle parts, all of one batch, that are estimated to take no longer than p_bundle_s
-- seconds in total. So a file never waits in a wake-up for a file of another batch. The lanes are charged once for the whole
-- bundle. `rides` marks every part but the first. A part that was lost with its worker gets a smaller bundle (bundle_size).
--
-- Stops after p_most wake-ups, or when as many are in flight as in_flight_slots allows; p_in_flight with p_in_flight_s
-- estimated seconds in total are already in flight. At most p_long_slots long parts, those estimated to take longer than
-- p_slice_s, are taken: after that, the first short part of a lane is taken instead of its first part.
CREATE OR REPLACE FUNCTION dispatch_step(
    p_step text, p_cap integer, p_most integer, p_in_flight integer, p_in_flight_s double precision,
    p_in_flight_per_worker double precision, p_long_slots integer, p_slice_s double precision,
    p_bundle integer, p_bundle_s double precision, p_bundle_after_loss double precision)
RETURNS TABLE (file_id uuid, step text, part integer, attempt integer, rides boolean)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    mark_trails_by CONSTANT interval := '2 seconds';
    floor_rises_each CONSTANT interval := '1 second';
    many_blocks CONSTANT integer := 32;
    clock lane_clocks%ROWTYPE;
    lane record;
    batch record;
    picked record;
    floor_rises boolean;
    passed_tenants uuid[] := '{}';  -- found empty in this call
    passed_batches uuid[] := '{}';
    least_staying double precision := 'infinity';  -- lowest pass of the batches that were found empty but stay active
    long_parts_too boolean;
    most_parts integer;             -- in this bundle
    most_with_picked integer;       -- in a bundle with the picked part
    bundled integer;                -- parts in this bundle
    bundled_s double precision;     -- their estimated seconds
    charge_s double precision;
    reached timestamptz;            -- when its last part became ready
    began timestamptz;
    blocks_before bigint;
    row_id tid;
    stays boolean;                  -- the batch lane stays active
BEGIN
    row_id := newest_clock(p_step);
    SELECT * INTO clock FROM lane_clocks c WHERE c.ctid = row_id;
    IF NOT FOUND THEN
        INSERT INTO lane_clocks AS c (step) VALUES (p_step) RETURNING * INTO clock;
    END IF;
    floor_rises := clock.floor_at < clock_timestamp() - floor_rises_each
                   AND pg_try_advisory_xact_lock(hashtextextended(p_step, 5));

    WHILE p_most > 0 AND p_in_flight < in_flight_slots(p_cap, p_in_flight, p_in_flight_s, p_in_flight_per_worker) LOOP
        SELECT l.tenant_id, l.pass, l.batch_clock, l.batch_floor, t.weight INTO lane
          FROM lanes l JOIN tenants t USING (tenant_id)
         WHERE l.step = p_step AND l.active AND l.pass >= clock.floor AND l.tenant_id <> ALL (passed_tenants)
         ORDER BY l.step, l.pass, l.tenant_id LIMIT 1;
        EXIT WHEN NOT FOUND;
        IF floor_rises AND clock.floor_at < clock_timestamp() - floor_rises_each THEN
            clock.floor := least(lane.pass, clock.pass);
            clock.floor_at := clock_timestamp();
        END IF;

        SELECT b.batch_id, b.pass, b.weight, b.ready_mark, b.look_through_after INTO batch
          FROM batch_lanes b
         WHERE b.step = p_step AND b.tenant_id = lane.tenant_id AND b.active AND b.pass >= lane.batch_floor
           AND b.batch_id <> ALL (passed_batches)
         ORDER BY b.step, b.tenant_id, b.pass, b.batch_id LIMIT 1;
        IF NOT FOUND THEN
            PERFORM deactivate_lane(p_step, lane.tenant_id, NULL);
            passed_tenants := passed_tenants || lane.tenant_id;
            CONTINUE;
        END IF;

        long_parts_too := p_long_slots > 0;
        began := clock_timestamp();
        blocks_before := pg_stat_get_xact_blocks_fetched('steps'::regclass);
        bundled := 0; bundled_s := 0; charge_s := 0; most_parts := greatest(1, p_bundle);
        WHILE bundled < most_parts LOOP
            IF long_parts_too THEN
                SELECT r.file_id, r.step, r.part, r.attempt + 1 AS attempt, r.cost_estimate_s, r.losses, r.ready_at
                  INTO picked
                  FROM steps r
                 WHERE r.state = 'ready' AND r.step = p_step
                   AND r.tenant_id = lane.tenant_id AND r.batch_id = batch.batch_id AND r.ready_at >= batch.ready_mark
                 ORDER BY r.step, r.tenant_id, r.batch_id, r.ready_at, r.file_id, r.part
                 LIMIT 1 FOR UPDATE SKIP LOCKED;
            ELSE
                SELECT r.file_id, r.step, r.part, r.attempt + 1 AS attempt, r.cost_estimate_s, r.losses, r.ready_at
                  INTO picked
                  FROM steps r
                 WHERE r.state = 'ready' AND r.cost_estimate_s <= 10 AND r.step = p_step -- as in the index steps_ready_short
                   AND r.tenant_id = lane.tenant_id AND r.batch_id = batch.batch_id AND r.ready_at >= batch.ready_mark
                 ORDER BY r.step, r.tenant_id, r.batch_id, r.ready_at, r.file_id, r.part
                 LIMIT 1 FOR UPDATE SKIP LOCKED;
            END IF;
            EXIT WHEN NOT FOUND OR (bundled > 0 AND bundled_s + picked.cost_estimate_s > p_bundle_s);
            most_with_picked := bundle_size(p_bundle, picked.losses, p_bundle_after_loss);
            EXIT WHEN bundled >= most_with_picked;
            most_parts := least(most_parts, most_with_picked);
            UPDATE steps s SET state = 'queued', queued_at = clock_timestamp(), rides = bundled > 0
             WHERE s.file_id = picked.file_id AND s.step = picked.step AND s.part = picked.part;
            file_id := picked.file_id; step := picked.step; part := picked.part; attempt := picked.attempt;
            rides := bundled > 0;
            RETURN NEXT;
            bundled := bundled + 1;
            bundled_s := bundled_s + picked.cost_estimate_s;
            charge_s := charge_s + least(picked.cost_estimate_s, p_slice_s);
            reached := picked.ready_at;
            batch.ready_mark := reached; -- for the next part of the bundle
            IF picked.cost_estimate_s > p_slice_s THEN
                p_long_slots := p_long_slots - 1;
                EXIT; -- a long part has a separate wake-up
            END IF;
        END LOOP;
        IF bundled = 0 THEN
            stays := true;
            IF batch.ready_mark = '-infinity' THEN
                PERFORM deactivate_lane(p_step, lane.tenant_id, batch.batch_id);
                row_id := newest_batch_lane(p_step, lane.tenant_id, batch.batch_id);
                IF long_parts_too
                   AND pg_stat_get_xact_blocks_fetched('steps'::regclass) - blocks_before > many_blocks THEN
                    UPDATE batch_lanes b SET ready_mark = began - mark_trails_by,
                                             look_through_after = clock_timestamp() + 20 * (clock_timestamp() - began)
                     WHERE b.ctid = row_id RETURNING b.active INTO stays;
                ELSE
                    SELECT b.active INTO stays FROM batch_lanes b WHERE b.ctid = row_id;
                END IF;
            ELSIF batch.look_through_after < clock_timestamp() THEN
                row_id := newest_batch_lane(p_step, lane.tenant_id, batch.batch_id);
                UPDATE batch_lanes b SET ready_mark = '-infinity' WHERE b.ctid = row_id;
                CONTINUE;
            END IF;
            passed_batches := passed_batches || batch.batch_id;
            IF stays THEN
                least_staying := least(least_staying, batch.pass);
            END IF;
            CONTINUE;
        END IF;

        row_id := newest_lane(p_step, lane.tenant_id);
        UPDATE lanes l
           SET pass = l.pass + charge_s / lane.weight,
               batch_clock = greatest(l.batch_clock, batch.pass),
               batch_floor = CASE WHEN floor_rises THEN least(batch.pass, l.batch_clock, least_staying)
                                  ELSE l.batch_floor END
         WHERE l.ctid = row_id;
        row_id := newest_batch_lane(p_step, lane.tenant_id, batch.batch_id);
        UPDATE batch_lanes b
           SET pass = b.pass + charge_s / b.weight,
               -- If long parts were skipped, the mark stays before them.
               ready_mark = CASE WHEN long_parts_too
                                 THEN greatest(b.ready_mark, least(reached, clock_timestamp() - mark_trails_by))
                                 ELSE b.ready_mark END
         WHERE b.ctid = row_id;
        -- A refund to a lane must not reduce the pass of the clock: a new lane would start ahead of all others.
        clock.pass := greatest(clock.pass, lane.pass);
        clock.taken := clock.taken + bundled;
        clock.taken_s := clock.taken_s + charge_s;
        p_most := p_most - 1;
        p_in_flight := p_in_flight + 1;
        p_in_flight_s := p_in_flight_s + bundled_s;
    END LOOP;

    row_id := newest_clock(p_step);
    UPDATE lane_clocks c
       SET pass = clock.pass, taken = clock.taken, taken_s = clock.taken_s, floor = clock.floor, floor_at = clock.floor_at
     WHERE c.ctid = row_id AND (c.taken, c.floor_at) IS DISTINCT FROM (clock.taken, clock.floor_at);
END $$;

-- How many wake-ups of a step may be in flight now. As `slots` in layers/domain/fairness.py.
CREATE OR REPLACE FUNCTION in_flight_slots(
    p_cap integer, p_in_flight integer, p_in_flight_s double precision, p_in_flight_per_worker double precision)
RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT least(p_cap, greatest(1, ceil(
        floor(p_cap / p_in_flight_per_worker)
        * (1 + (p_in_flight_per_worker - 1) / greatest(1, coalesce(p_in_flight_s / nullif(p_in_flight, 0), 0))))))::integer
$$;

-- How many parts a wake-up may contain with a part that was lost with its worker this often. Like `bundle_size` in
-- layers/domain/fairness.py.
CREATE OR REPLACE FUNCTION bundle_size(p_most integer, p_losses real, p_bundle_after_loss double precision)
RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(1, floor(p_most * power(p_bundle_after_loss, p_losses::double precision)))::integer
$$;

-- Makes an empty lane inactive, unless a part of it is becoming ready right now. The search may have skipped a locked row, so
-- this searches for ready parts again, under the lock.
CREATE OR REPLACE FUNCTION deactivate_lane(p_step text, p_tenant_id uuid, p_batch_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    row_id tid;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_step || p_tenant_id::text, 1)) THEN
        RETURN;
    END IF;
    IF p_batch_id IS NOT NULL THEN
        row_id := newest_batch_lane(p_step, p_tenant_id, p_batch_id);
        UPDATE batch_lanes b SET active = false
         WHERE b.ctid = row_id AND NOT EXISTS (SELECT 1 FROM steps s
                            WHERE s.state = 'ready' AND s.step = p_step
                              AND s.tenant_id = p_tenant_id AND s.batch_id = p_batch_id
                            ORDER BY s.step, s.tenant_id, s.batch_id, s.ready_at, s.file_id, s.part LIMIT 1);
    END IF;
    row_id := newest_lane(p_step, p_tenant_id);
    UPDATE lanes l SET active = false
     WHERE l.ctid = row_id AND NOT EXISTS (SELECT 1 FROM batch_lanes b
                        WHERE b.step = p_step AND b.tenant_id = p_tenant_id AND b.active
                        ORDER BY b.step, b.tenant_id, b.pass, b.batch_id LIMIT 1);
END $$;

-- Dispatches each step of p_limits, {"ocr": {"cap", "ceiling", "most", "bundle", "long_slots"}, ...}: up to `cap` wake-ups
-- in flight and never more than `ceiling`, which may be missing; at most `most` new ones; one may contain `bundle` parts;
-- `long_slots` of them may be long parts. p_policy has the constants of layers/domain/fairness.py: {"slice_s",
-- "in_flight_per_worker", "bundle_s", "bundle_after_loss"}.
--
-- One dispatcher at a time processes a step. A second one waits for it, since the running one may not see parts that were
-- committed after its start. A third one returns: the second one will see its parts. The waiter's lock is released as soon
-- as the waiter gets the dispatcher lock, so that the next one can wait. Advisory locks of a transaction can only be
-- released by rolling back the block that took them, and a proxy that shares connections allows no others. The rollback
-- releases both locks, and another dispatcher may take the dispatcher lock at this moment: then the loop tries again.
CREATE OR REPLACE FUNCTION dispatch_steps(p_limits jsonb, p_policy jsonb)
RETURNS TABLE (file_id uuid, step text, part integer, attempt integer, rides boolean)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    one record;
    slice_s CONSTANT double precision := (p_policy -> 'slice_s')::double precision;
    dispatcher bigint;  -- advisory locks
    waiter bigint;
    may_wait boolean;
    in_flight record;
    since timestamptz;
    row_id tid;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR one IN SELECT e.key AS name, l.* FROM jsonb_each(p_limits) e, LATERAL jsonb_to_record(e.value) AS l(
                      cap integer, ceiling integer, most integer, bundle integer, long_slots integer) ORDER BY e.key LOOP
        one.ceiling := coalesce(one.ceiling, one.cap);
        dispatcher := hashtextextended(one.name, 2);
        waiter := hashtextextended(one.name, 3);
        may_wait := true;
        WHILE may_wait AND NOT pg_try_advisory_xact_lock(dispatcher) LOOP
            BEGIN
                may_wait := pg_try_advisory_xact_lock(waiter);
                IF may_wait THEN
                    PERFORM pg_advisory_xact_lock(dispatcher);
                END IF;
                RAISE SQLSTATE 'FW001';
            EXCEPTION WHEN SQLSTATE 'FW001' THEN
                NULL;
            END;
        END LOOP;
        CONTINUE WHEN NOT may_wait;
        -- Every dispatch stores when the oldest part in flight was queued; parts queued before that are not counted. If the
        -- clock has stepped back to before that time, all parts are counted.
        row_id := newest_clock(one.name);
        since := coalesce((SELECT c.in_flight_since FROM lane_clocks c WHERE c.ctid = row_id), '-infinity');
        IF since > clock_timestamp() THEN
            since := '-infinity';
        END IF;
        SELECT count(*) FILTER (WHERE NOT s.rides) AS wake_ups, least(min(s.queued_at), clock_timestamp()) AS oldest,
               count(*) FILTER (WHERE s.cost_estimate_s > slice_s) AS long_parts,
               coalesce(sum(s.cost_estimate_s::double precision), 0) AS seconds INTO in_flight
          FROM steps s WHERE s.step = one.name AND s.state IN ('queued', 'running') AND s.queued_at >= since;
        CONTINUE WHEN in_flight.wake_ups >= least(one.cap, one.ceiling) OR one.most = 0;
        RETURN QUERY SELECT d.file_id, d.step, d.part, d.attempt, d.rides
                       FROM dispatch_step(one.name, one.cap, least(one.most, one.ceiling - in_flight.wake_ups::integer),
                                          in_flight.wake_ups::integer, in_flight.seconds,
                                          (p_policy -> 'in_flight_per_worker')::double precision,
                                          one.long_slots - in_flight.long_parts::integer, slice_s,
                                          one.bundle, (p_policy -> 'bundle_s')::double precision,
                                          (p_policy -> 'bundle_after_loss')::double precision) d;
        row_id := newest_clock(one.name);
        UPDATE lane_clocks c SET in_flight_since = in_flight.oldest
         WHERE c.ctid = row_id AND (c.in_flight_since < in_flight.oldest - interval '1 second' OR c.in_flight_since > clock_timestamp());
    END LOOP;
END $$;
