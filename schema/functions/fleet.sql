-- The number of live workers, which have sent a heartbeat in the last p_silent_s seconds and are not draining, and how many
-- parts of each step they run at once together.
CREATE OR REPLACE FUNCTION count_fleet(p_silent_s double precision, OUT workers integer, OUT slots jsonb)
LANGUAGE sql STABLE AS $$
    WITH live AS (
        SELECT w.slots FROM workers w
         WHERE NOT w.draining AND w.beat_at > clock_timestamp() - make_interval(secs => p_silent_s)),
    summed AS (
        SELECT s.key AS step, sum(s.value::integer) AS slots FROM live, jsonb_each_text(live.slots) s GROUP BY 1)
    SELECT (SELECT count(*) FROM live)::integer, (SELECT coalesce(jsonb_object_agg(step, summed.slots), '{}') FROM summed)
$$;

-- How many live workers are on a host.
CREATE OR REPLACE FUNCTION live_on(p_host text, p_silent_since timestamptz) RETURNS integer
LANGUAGE sql STABLE AS $$
    SELECT count(*)::integer FROM workers w WHERE w.host = p_host AND NOT w.draining AND w.beat_at > p_silent_since
$$;

-- Registers a worker or renews its registration. Returns the fleet. The fleet is counted again when a worker joins, changes
-- or leaves, and otherwise at most once a second: at every heartbeat of every worker, the cost would be quadratic.
-- Rows of workers that have been silent for p_forgotten_s seconds are deleted.
CREATE OR REPLACE FUNCTION beat(
    p_worker text, p_host text, p_version text, p_slots jsonb, p_draining boolean, p_silent_s double precision,
    p_forgotten_s double precision)
RETURNS TABLE (workers integer, slots jsonb, on_host integer)
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    silent_since CONSTANT timestamptz := clock_timestamp() - make_interval(secs => p_silent_s);
    known fleets%ROWTYPE;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE workers w SET beat_at = clock_timestamp()
     WHERE w.worker = p_worker AND w.beat_at > silent_since
       AND (w.host, w.version, w.slots, w.draining) = (p_host, p_version, p_slots, p_draining);
    IF FOUND THEN
        SELECT * INTO known FROM fleets;
        IF known.counted_at BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp()
           OR NOT pg_try_advisory_xact_lock(hashtextextended('count_fleet', 9)) THEN
            RETURN QUERY SELECT known.workers, known.slots, live_on(p_host, silent_since);
            RETURN;
        END IF;
        DELETE FROM workers w WHERE w.beat_at < clock_timestamp() - make_interval(secs => p_forgotten_s);
    ELSE
        INSERT INTO workers AS w (worker, host, version, slots, draining, started_at, beat_at)
        VALUES (p_worker, p_host, p_version, p_slots, p_draining, clock_timestamp(), clock_timestamp())
        ON CONFLICT (worker) DO UPDATE
           SET host = excluded.host, version = excluded.version, slots = excluded.slots, draining = excluded.draining,
               started_at = CASE WHEN excluded.draining THEN w.started_at ELSE excluded.started_at END,
               beat_at = excluded.beat_at;
    END IF;
    SELECT c.workers, c.slots INTO known.workers, known.slots FROM count_fleet(p_silent_s) c;
    UPDATE fleets f SET counted_at = clock_timestamp(), workers = known.workers, slots = known.slots;
    RETURN QUERY SELECT known.workers, known.slots, live_on(p_host, silent_since);
END $$;

-- Whether the caller has to do a duty that is due every p_every_s seconds for the whole fleet. If its last start is in the
-- future, because the clock has stepped back, it is due.
CREATE OR REPLACE FUNCTION take_turn(p_duty text, p_every_s double precision) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    -- Read first: an upsert locks the row, which is a write, even if it changes nothing.
    IF EXISTS (SELECT 1 FROM duties d WHERE d.duty = p_duty
                  AND d.taken_at BETWEEN clock_timestamp() - make_interval(secs => p_every_s) AND clock_timestamp()) THEN
        RETURN false;
    END IF;
    INSERT INTO duties AS d (duty, taken_at) VALUES (p_duty, clock_timestamp())
    ON CONFLICT (duty) DO UPDATE SET taken_at = clock_timestamp()
     WHERE d.taken_at NOT BETWEEN clock_timestamp() - make_interval(secs => p_every_s) AND clock_timestamp();
    RETURN FOUND;
END $$;

-- How many live workers run each step, and how many parts of it they run at once together; for everyone.
CREATE OR REPLACE FUNCTION live_slots(p_silent_s double precision) RETURNS TABLE (step text, workers integer, slots integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.key, count(*)::integer, sum(s.value::integer)::integer
      FROM workers w, jsonb_each_text(w.slots) s
     WHERE NOT w.draining AND w.beat_at > clock_timestamp() - make_interval(secs => p_silent_s)
     GROUP BY 1
$$;
ALTER FUNCTION live_slots(double precision) OWNER TO fairway_worker;

-- The registered workers, for an admin.
CREATE OR REPLACE FUNCTION registered_workers(p_silent_s double precision)
RETURNS TABLE (worker text, host text, version text, slots jsonb, state text, started_at timestamptz, beat_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT w.worker, w.host, w.version, w.slots,
           CASE WHEN w.beat_at <= clock_timestamp() - make_interval(secs => p_silent_s) THEN 'silent'
                WHEN w.draining THEN 'draining' ELSE 'live' END, w.started_at, w.beat_at
      FROM workers w WHERE is_system() ORDER BY w.worker
$$;
ALTER FUNCTION registered_workers(double precision) OWNER TO fairway_worker;
