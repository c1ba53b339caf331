-- Takes ready parts of one step in fair order: the active tenant lane of lowest pass, in it the
-- active batch lane of lowest pass, its oldest ready part; both lanes are charged. Costs the same at any
-- backlog: every look-up is the first row of an index. The policy as a value: layers/domain/fairness.py.
-- To be called under the step's turn (dispatch_steps). Without reading whole tables, which a plan made while they were
-- small would do.
--
-- Each look-up begins at a mark, since before it lie the dead entries of what was taken, for as long as somebody
-- holds an old snapshot. A floor rises only while nobody is activating a lane, and never above one that was passed by
-- and stays active, since it holds long parts alone or somebody is readying one: no active lane stands below a floor.
-- Whoever readies a step does not write to its lane's mark, and may commit late: the mark trails by some seconds,
-- and a lane is looked through from its beginning before it counts as empty. Where that took long, as it does while
-- dead entries are kept, it is not done again for twenty times as long: the lane stays active meanwhile.
--
-- Takes parts until p_most wake-ups are taken, or as many are in flight as may be (places_of_cap): p_in_flight of them,
-- of p_in_flight_s seconds in all, already are. A wake-up may name up to p_load parts, all of one batch, that together
-- are estimated to take no longer than p_load_s: all but the first of them ride along. So nobody waits in a wake-up for
-- somebody else's file. Their lanes are charged once for all of them. One that was lost with a worker goes with half as
-- many after each loss that it shared (load_of in fairness.py).
--
-- Of parts that are estimated to take longer than a slice no more than p_room_of_long are taken: where the first of a
-- lane is one too many, the first short one is. A lane of long ones alone is passed by, and stays active.
DROP FUNCTION IF EXISTS dispatch_step(text, integer, double precision);
DROP FUNCTION IF EXISTS dispatch_step(text, integer, double precision, integer, double precision);
DROP FUNCTION IF EXISTS dispatch_step(text, integer, integer, double precision, integer, double precision);
CREATE OR REPLACE FUNCTION dispatch_step(
    p_step text, p_cap integer, p_most integer, p_in_flight integer, p_in_flight_s double precision,
    p_room_of_long integer, p_slice_s double precision, p_load integer, p_load_s double precision)
RETURNS TABLE (file_id uuid, step text, part integer, attempt integer, rides boolean)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    mark_trails_by CONSTANT interval := '2 seconds';
    floor_rises_each CONSTANT interval := '1 second';
    takes_long CONSTANT interval := '2 milliseconds';
    clock lane_clocks%ROWTYPE;
    lane record;
    batch record;
    picked record;
    floor_rises boolean;
    passed_tenants uuid[] := '{}';  -- looked at and found empty in this call
    passed_batches uuid[] := '{}';
    least_staying double precision := 'infinity';  -- pass of the batches that were found empty and stay active
    long_too boolean;
    load_most integer;              -- parts that it may name, and that it may with the one picked
    with_it integer;
    loaded integer;                 -- parts that the wake-up names, and the seconds that they take
    loaded_s double precision;
    charge_s double precision;
    reached timestamptz;            -- when the last of them was readied
    began timestamptz;
    place tid;
    stays boolean;                  -- among the active ones
BEGIN
    place := newest_clock(p_step);
    SELECT * INTO clock FROM lane_clocks c WHERE c.ctid = place;
    IF NOT FOUND THEN
        INSERT INTO lane_clocks AS c (step) VALUES (p_step) RETURNING * INTO clock;
    END IF;
    floor_rises := clock.floor_at < clock_timestamp() - floor_rises_each
                   AND pg_try_advisory_xact_lock(hashtextextended(p_step, 5));

    WHILE p_most > 0 AND p_in_flight < places_of_cap(p_cap, p_in_flight, p_in_flight_s) LOOP
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

        long_too := p_room_of_long > 0;
        began := clock_timestamp();
        loaded := 0; loaded_s := 0; charge_s := 0; load_most := greatest(1, p_load);
        WHILE loaded < load_most LOOP
            IF long_too THEN
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
                 WHERE r.state = 'ready' AND r.cost_estimate_s <= 10 AND r.step = p_step -- a slice, as its index says it
                   AND r.tenant_id = lane.tenant_id AND r.batch_id = batch.batch_id AND r.ready_at >= batch.ready_mark
                 ORDER BY r.step, r.tenant_id, r.batch_id, r.ready_at, r.file_id, r.part
                 LIMIT 1 FOR UPDATE SKIP LOCKED;
            END IF;
            EXIT WHEN NOT FOUND OR (loaded > 0 AND loaded_s + picked.cost_estimate_s > p_load_s);
            with_it := greatest(1, floor(p_load * power(0.25, picked.losses::double precision)));
            EXIT WHEN loaded >= with_it;
            load_most := least(load_most, with_it);
            UPDATE steps s SET state = 'queued', queued_at = clock_timestamp(), rides = loaded > 0
             WHERE s.file_id = picked.file_id AND s.step = picked.step AND s.part = picked.part;
            file_id := picked.file_id; step := picked.step; part := picked.part; attempt := picked.attempt;
            rides := loaded > 0;
            RETURN NEXT;
            loaded := loaded + 1;
            loaded_s := loaded_s + picked.cost_estimate_s;
            charge_s := charge_s + least(picked.cost_estimate_s, p_slice_s);
            reached := picked.ready_at;
            batch.ready_mark := reached; -- for what goes with it
            IF picked.cost_estimate_s > p_slice_s THEN
                p_room_of_long := p_room_of_long - 1;
                EXIT; -- it goes alone
            END IF;
        END LOOP;
        IF loaded = 0 THEN
            stays := true;
            IF batch.ready_mark = '-infinity' THEN
                PERFORM deactivate_lane(p_step, lane.tenant_id, batch.batch_id);
                place := newest_batch_lane(p_step, lane.tenant_id, batch.batch_id);
                IF long_too AND clock_timestamp() - began > takes_long THEN
                    UPDATE batch_lanes b SET ready_mark = began - mark_trails_by,
                                             look_through_after = clock_timestamp() + 20 * (clock_timestamp() - began)
                     WHERE b.ctid = place RETURNING b.active INTO stays;
                ELSE
                    SELECT b.active INTO stays FROM batch_lanes b WHERE b.ctid = place;
                END IF;
            ELSIF batch.look_through_after < clock_timestamp() THEN
                place := newest_batch_lane(p_step, lane.tenant_id, batch.batch_id);
                UPDATE batch_lanes b SET ready_mark = '-infinity' WHERE b.ctid = place;
                CONTINUE;
            END IF;
            passed_batches := passed_batches || batch.batch_id;
            IF stays THEN
                least_staying := least(least_staying, batch.pass);
            END IF;
            CONTINUE;
        END IF;

        place := newest_lane(p_step, lane.tenant_id);
        UPDATE lanes l
           SET pass = l.pass + charge_s / lane.weight,
               batch_clock = greatest(l.batch_clock, batch.pass),
               batch_floor = CASE WHEN floor_rises THEN least(batch.pass, l.batch_clock, least_staying)
                                  ELSE l.batch_floor END
         WHERE l.ctid = place;
        place := newest_batch_lane(p_step, lane.tenant_id, batch.batch_id);
        UPDATE batch_lanes b
           SET pass = b.pass + charge_s / b.weight,
               -- Where long ones were passed over, the mark stays before them.
               ready_mark = CASE WHEN long_too
                                 THEN greatest(b.ready_mark, least(reached, clock_timestamp() - mark_trails_by))
                                 ELSE b.ready_mark END
         WHERE b.ctid = place;
        -- What is refunded to a lane must not turn the clock back: a newcomer would start ahead of everyone.
        clock.pass := greatest(clock.pass, lane.pass);
        clock.taken := clock.taken + loaded;
        clock.taken_s := clock.taken_s + charge_s;
        p_most := p_most - 1;
        p_in_flight := p_in_flight + 1;
        p_in_flight_s := p_in_flight_s + loaded_s;
    END LOOP;

    place := newest_clock(p_step);
    UPDATE lane_clocks c
       SET pass = clock.pass, taken = clock.taken, taken_s = clock.taken_s, floor = clock.floor, floor_at = clock.floor_at
     WHERE c.ctid = place AND (c.taken, c.floor_at) IS DISTINCT FROM (clock.taken, clock.floor_at);
END $$;

-- How many wake-ups of a step may be in flight while so many, of so many seconds in all, are. As `places` in
-- layers/domain/fairness.py.
CREATE OR REPLACE FUNCTION places_of_cap(p_cap integer, p_in_flight integer, p_in_flight_s double precision)
RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT least(p_cap, greatest(1, ceil(
        floor(p_cap / 1.25::double precision)
        * (1 + 0.25::double precision / greatest(1, coalesce(p_in_flight_s / nullif(p_in_flight, 0), 0))))))::integer
$$;

-- Takes an empty lane out of the active ones; leaves it be where someone is readying a step of it just now.
-- A skipped row may only have been locked, so emptiness is looked up afresh, under the lock.
CREATE OR REPLACE FUNCTION deactivate_lane(p_step text, p_tenant_id uuid, p_batch_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
DECLARE
    place tid;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_step || p_tenant_id::text, 1)) THEN
        RETURN;
    END IF;
    IF p_batch_id IS NOT NULL THEN
        place := newest_batch_lane(p_step, p_tenant_id, p_batch_id);
        UPDATE batch_lanes b SET active = false
         WHERE b.ctid = place AND NOT EXISTS (SELECT 1 FROM steps s
                            WHERE s.state = 'ready' AND s.step = p_step
                              AND s.tenant_id = p_tenant_id AND s.batch_id = p_batch_id
                            ORDER BY s.step, s.tenant_id, s.batch_id, s.ready_at, s.file_id, s.part LIMIT 1);
    END IF;
    place := newest_lane(p_step, p_tenant_id);
    UPDATE lanes l SET active = false
     WHERE l.ctid = place AND NOT EXISTS (SELECT 1 FROM batch_lanes b
                        WHERE b.step = p_step AND b.tenant_id = p_tenant_id AND b.active
                        ORDER BY b.step, b.tenant_id, b.pass, b.batch_id LIMIT 1);
END $$;

-- Dispatches each named step up to its in-flight cap of wake-ups: p_caps is {"ocr": 3, ...}; {"ocr": [3, 2]} takes two
-- at most. Three quarters of the cap are kept for short parts. p_loads, {"text": 10, ...}, says how many parts of p_load_s
-- seconds in all one wake-up of a step may name.
--
-- One dispatcher a step at a time. One that finds it taken waits in a single seat, for what was committed
-- since may be invisible to the one at work; when the seat is taken too, its holder will see our commit.
-- The seat is given up as soon as the turn comes, so that the next one can wait: by undoing the block in which both
-- were taken, which leaves nothing behind whatever happens, also on a connection that clients share. Somebody else
-- may take the turn just then: one waits again.
DROP FUNCTION IF EXISTS dispatch_steps(jsonb, double precision);
CREATE OR REPLACE FUNCTION dispatch_steps(
    p_caps jsonb, p_slice_s double precision, p_loads jsonb, p_load_s double precision)
RETURNS TABLE (file_id uuid, step text, part integer, attempt integer, rides boolean)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    one record;
    turn bigint;
    seat bigint;
    seated boolean;
    in_flight record;
    since timestamptz;
    place tid;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    FOR one IN SELECT key AS name,
                      (CASE jsonb_typeof(value) WHEN 'array' THEN value -> 0 ELSE value END)::integer AS cap,
                      (CASE jsonb_typeof(value) WHEN 'array' THEN value -> 1 END)::integer AS most
                 FROM jsonb_each(p_caps) ORDER BY key LOOP
        turn := hashtextextended(one.name, 2);
        seat := hashtextextended(one.name, 3);
        seated := true;
        WHILE seated AND NOT pg_try_advisory_xact_lock(turn) LOOP
            BEGIN
                seated := pg_try_advisory_xact_lock(seat);
                IF seated THEN
                    PERFORM pg_advisory_xact_lock(turn);
                END IF;
                RAISE SQLSTATE 'FW001';
            EXCEPTION WHEN SQLSTATE 'FW001' THEN
                NULL;
            END;
        END LOOP;
        CONTINUE WHEN NOT seated;
        -- Whatever is in flight was queued by dispatchers, each of which left the time of the oldest. Once the clock
        -- has stepped back behind that, what is queued from then on would not be counted.
        place := newest_clock(one.name);
        since := coalesce((SELECT c.in_flight_since FROM lane_clocks c WHERE c.ctid = place), '-infinity');
        IF since > clock_timestamp() THEN
            since := '-infinity';
        END IF;
        SELECT count(*) FILTER (WHERE NOT s.rides) AS wake_ups, least(min(s.queued_at), clock_timestamp()) AS oldest,
               count(*) FILTER (WHERE s.cost_estimate_s > p_slice_s) AS long_ones,
               coalesce(sum(s.cost_estimate_s::double precision), 0) AS seconds INTO in_flight
          FROM steps s WHERE s.step = one.name AND s.state IN ('queued', 'running') AND s.queued_at >= since;
        CONTINUE WHEN in_flight.wake_ups >= one.cap OR one.most = 0;
        RETURN QUERY SELECT d.file_id, d.step, d.part, d.attempt, d.rides
                       FROM dispatch_step(one.name, one.cap, coalesce(one.most, one.cap), in_flight.wake_ups::integer,
                                          in_flight.seconds,
                                          greatest(1, one.cap / 4) - in_flight.long_ones::integer, p_slice_s,
                                          coalesce((p_loads ->> one.name)::integer, 1), p_load_s) d;
        place := newest_clock(one.name);
        UPDATE lane_clocks c SET in_flight_since = in_flight.oldest
         WHERE c.ctid = place AND (c.in_flight_since < in_flight.oldest - interval '1 second' OR c.in_flight_since > clock_timestamp());
    END LOOP;
END $$;
