-- Writes events to the outbox, with a delivery for each endpoint that subscribes to them; nothing if none does. It runs in the
-- transaction that makes the events true. p_events: [{"tenant_id", "event_type", "dataset_id", "subject_id", "data"}], in their
-- order.
--
-- The numbers of the events of a subject are in their order, because every transaction that writes one has locked the subject's
-- row, and has kept the lock until its commit.
CREATE OR REPLACE FUNCTION note_events(p_events jsonb) RETURNS void
LANGUAGE sql VOLATILE AS $$
    WITH noted AS (
        INSERT INTO webhook_events (tenant_id, event_type, dataset_id, subject_id, data)
        SELECT n.tenant_id, n.event_type, n.dataset_id, n.subject_id, n.data
          FROM ROWS FROM (jsonb_to_recordset(p_events)
                          AS (tenant_id uuid, event_type text, dataset_id uuid, subject_id uuid, data jsonb))
               WITH ORDINALITY AS n(tenant_id, event_type, dataset_id, subject_id, data, place)
         WHERE EXISTS (SELECT 1 FROM webhook_endpoints e
                        WHERE e.tenant_id = n.tenant_id AND e.enabled AND n.event_type = ANY (e.event_types))
         ORDER BY n.place
        RETURNING event_seq, tenant_id, event_type, subject_id)
    INSERT INTO webhook_deliveries (endpoint_id, event_seq, tenant_id, subject_id)
    SELECT e.endpoint_id, n.event_seq, n.tenant_id, n.subject_id
      FROM noted n JOIN webhook_endpoints e
        ON e.tenant_id = n.tenant_id AND e.enabled AND n.event_type = ANY (e.event_types)
$$;

-- --- triggers: a record was approved, a plan was applied, an export is ready -------------------------
-- Those of files are in note_files.sql. The conditions are part of the triggers, so that other writes do not call them.

CREATE OR REPLACE FUNCTION note_approved_record() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_events(jsonb_build_array(jsonb_build_object(
        'tenant_id', new.tenant_id, 'event_type', 'record.approved', 'dataset_id', new.dataset_id, 'subject_id', new.file_id,
        'data', jsonb_build_object('file_id', new.file_id, 'dataset_id', new.dataset_id, 'record_id', new.record_id,
                                   'version', new.version))));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER approved_record AFTER UPDATE OF review ON records FOR EACH ROW
    WHEN (new.review = 'approved' AND old.review <> 'approved') EXECUTE FUNCTION note_approved_record();

CREATE OR REPLACE FUNCTION note_applied_plan() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_events(jsonb_build_array(jsonb_build_object(
        'tenant_id', new.tenant_id, 'event_type', 'plan.applied', 'dataset_id', new.dataset_id, 'subject_id', new.plan_id,
        'data', jsonb_build_object('plan_id', new.plan_id, 'dataset_id', new.dataset_id))));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER applied_plan AFTER UPDATE OF state ON plans FOR EACH ROW
    WHEN (new.state = 'applied' AND old.state <> 'applied') EXECUTE FUNCTION note_applied_plan();

CREATE OR REPLACE FUNCTION note_ready_export() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM note_events(jsonb_build_array(jsonb_build_object(
        'tenant_id', new.tenant_id, 'event_type', 'export.ready', 'dataset_id', new.dataset_id, 'subject_id', new.export_id,
        'data', jsonb_build_object('export_id', new.export_id, 'dataset_id', new.dataset_id, 'format', new.format,
                                   'rows', new.rows_written))));
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER ready_export AFTER UPDATE OF state ON exports FOR EACH ROW
    WHEN (new.state = 'done' AND old.state <> 'done') EXECUTE FUNCTION note_ready_export();

-- --- settled batches ---------------------------------------------------------------------------------

-- Writes the event `batch.settled` of batches that may have settled, if they have. The batch's row is locked, and then its
-- checks are deleted in the same statement, and so by the same snapshot, that counts its files: of two files that settle at the
-- same time, the check of the later commit sees both, and there is one event.
CREATE OR REPLACE FUNCTION note_settled_batches(p_limit integer) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    chosen record;
    counted jsonb;
BEGIN
    FOR chosen IN
        SELECT DISTINCT c.batch_id
          FROM (SELECT batch_id FROM settled_batch_checks ORDER BY check_id LIMIT p_limit) c ORDER BY c.batch_id
    LOOP
        PERFORM 1 FROM batches b WHERE b.batch_id = chosen.batch_id FOR NO KEY UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND; -- another process decides about it, or a later call
        WITH taken AS (
            DELETE FROM settled_batch_checks c WHERE c.batch_id = chosen.batch_id RETURNING c.check_id),
        counts AS (
            SELECT s.state, sum(s.files) AS files
              FROM (SELECT f.state, f.files FROM file_counts f WHERE f.owner_id = chosen.batch_id
                    UNION ALL
                    SELECT d.state, d.delta FROM count_deltas d WHERE d.owner_id = chosen.batch_id) s
             GROUP BY 1 HAVING sum(s.files) <> 0)
        SELECT jsonb_object_agg(n.state, n.files) INTO counted FROM counts n
         WHERE EXISTS (SELECT 1 FROM taken)
           AND NOT EXISTS (SELECT 1 FROM counts u WHERE u.state IN ('uploading', 'processing'));
        CONTINUE WHEN counted IS NULL;
        PERFORM note_events(jsonb_agg(jsonb_build_object(
            'tenant_id', b.tenant_id, 'event_type', 'batch.settled', 'dataset_id', b.dataset_id, 'subject_id', b.batch_id,
            'data', jsonb_build_object('batch_id', b.batch_id, 'dataset_id', b.dataset_id,
                                       'by_state', counted - 'removed'))))
           FROM batches b WHERE b.batch_id = chosen.batch_id;
    END LOOP;
END $$;

-- --- delivery ----------------------------------------------------------------------------------------

-- How many deliveries of a tenant are being sent.
CREATE OR REPLACE FUNCTION claimed_deliveries(p_tenant_id uuid) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM webhook_deliveries d
     WHERE d.tenant_id = p_tenant_id AND d.lease_id IS NOT NULL AND d.due_at > clock_timestamp()
$$;

-- Claims the next deliveries of one endpoint, in their order. First come the tenants with the fewest claimed deliveries, then the
-- endpoint that was served longest ago. A tenant has at most p_most_of_tenant claimed deliveries. An endpoint whose breaker is
-- open gets a single delivery once its probe is due.
--
-- Only the first waiting event of a subject is claimed: the later ones wait for its end. `attempts` is the number
-- of the attempt that is due now, counted from the last request to deliver the event again.
CREATE OR REPLACE FUNCTION claim_deliveries(p_lease_s double precision, p_most integer, p_most_of_tenant integer)
RETURNS TABLE (
    endpoint_id uuid, event_seq bigint, lease_id uuid, url text, secret bytea, former_secret bytea, failures integer,
    attempts integer, age_s double precision, event_id uuid, event_type text, dataset_id uuid, subject_id uuid, data jsonb,
    occurred_at text)
LANGUAGE plpgsql VOLATILE
-- Plans are made while the tables are small, and kept. A backlog has to be read in the order of its index, up to p_most.
SET enable_seqscan = off SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
DECLARE
    endpoint record;
    chosen bigint[];
BEGIN
    PERFORM note_settled_batches(100);
    FOR endpoint IN
        -- Goes from endpoint to endpoint by the first waiting delivery of each.
        WITH RECURSIVE with_deliveries AS (
            (SELECT d.endpoint_id FROM webhook_deliveries d WHERE d.state = 'waiting' ORDER BY d.endpoint_id LIMIT 1)
            UNION ALL
            SELECT n.endpoint_id FROM with_deliveries w, LATERAL (
                   SELECT d.endpoint_id FROM webhook_deliveries d
                    WHERE d.state = 'waiting' AND d.endpoint_id > w.endpoint_id ORDER BY d.endpoint_id LIMIT 1) n)
        SELECT e.* FROM with_deliveries w JOIN webhook_endpoints e USING (endpoint_id)
         CROSS JOIN LATERAL claimed_deliveries(e.tenant_id) AS claimed
         WHERE e.enabled AND (e.probe_at IS NULL OR e.probe_at <= clock_timestamp()) AND claimed < p_most_of_tenant
           AND EXISTS (SELECT 1 FROM webhook_deliveries d
                        WHERE d.endpoint_id = e.endpoint_id AND d.state = 'waiting' AND d.due_at <= clock_timestamp())
         ORDER BY claimed, e.served_at
    LOOP
        UPDATE webhook_endpoints e
           SET served_at = clock_timestamp(),
               probe_at = CASE WHEN e.probe_at IS NOT NULL THEN clock_timestamp() + make_interval(secs => p_lease_s) END
         WHERE e.endpoint_id = (SELECT o.endpoint_id FROM webhook_endpoints o
                                 WHERE o.endpoint_id = endpoint.endpoint_id AND o.enabled
                                   AND o.probe_at IS NOT DISTINCT FROM endpoint.probe_at
                                   FOR NO KEY UPDATE SKIP LOCKED);
        CONTINUE WHEN NOT FOUND;
        -- Not joined: a plan that was made for an empty table could choose again for each delivery that waits.
        chosen := ARRAY(
            SELECT c.event_seq FROM webhook_deliveries c
             WHERE c.endpoint_id = endpoint.endpoint_id AND c.state = 'waiting' AND c.due_at <= clock_timestamp()
               AND c.event_seq = (SELECT b.event_seq FROM webhook_deliveries b -- not joined, but found by its index
                                   WHERE b.endpoint_id = c.endpoint_id AND b.subject_id = c.subject_id AND b.state = 'waiting'
                                   ORDER BY b.event_seq LIMIT 1)
             ORDER BY c.event_seq LIMIT CASE WHEN endpoint.probe_at IS NULL THEN p_most ELSE 1 END);
        RETURN QUERY
            UPDATE webhook_deliveries d
               SET lease_id = gen_random_uuid(), due_at = clock_timestamp() + make_interval(secs => p_lease_s)
              FROM webhook_events v
             WHERE d.endpoint_id = endpoint.endpoint_id AND d.event_seq = ANY (chosen)
               AND v.event_seq = ANY (chosen) AND v.event_seq = d.event_seq
               AND d.state = 'waiting' AND d.due_at <= clock_timestamp() -- again: a late sender may have ended it since
            RETURNING d.endpoint_id, d.event_seq, d.lease_id, endpoint.url, endpoint.secret,
                      CASE WHEN endpoint.former_secret_until > clock_timestamp() THEN endpoint.former_secret END,
                      endpoint.failures, d.attempts - d.attempts_before + 1, extract(epoch FROM clock_timestamp() - d.since)::double precision,
                      v.event_id, v.event_type, v.dataset_id, v.subject_id, v.data, time_text(v.occurred_at);
        IF FOUND THEN
            RETURN;
        END IF;
        -- Nothing can be sent: its deliveries wait for earlier ones.
        UPDATE webhook_endpoints e SET probe_at = endpoint.probe_at WHERE e.endpoint_id = endpoint.endpoint_id;
    END LOOP;
END $$;

-- Records an attempt at a delivery, fenced by its lease, and what follows it: p_verdict is a `Verdict` of
-- layers/domain/webhook.py. Returns false if the lease is no longer held. The endpoint is locked first, as when deliveries are
-- claimed or an endpoint is deleted; a success of an endpoint that has not failed need not lock it.
CREATE OR REPLACE FUNCTION end_delivery(
    p_endpoint_id uuid, p_event_seq bigint, p_lease_id uuid, p_sent jsonb, p_verdict jsonb, p_give_up_s double precision)
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    ended CONSTANT boolean := p_verdict ->> 'state' <> 'waiting';
    held webhook_deliveries%ROWTYPE;
    endpoint webhook_endpoints%ROWTYPE;
BEGIN
    SELECT * INTO endpoint FROM webhook_endpoints e
     WHERE e.endpoint_id = p_endpoint_id AND (e.failures > 0 OR p_verdict ->> 'state' <> 'delivered') FOR NO KEY UPDATE;
    UPDATE webhook_deliveries d
       SET state = p_verdict ->> 'state', attempts = d.attempts + 1, lease_id = NULL,
           due_at = clock_timestamp() + make_interval(secs => (p_verdict ->> 'delay_s')::double precision),
           ended_at = CASE WHEN ended THEN clock_timestamp() END
     WHERE d.endpoint_id = p_endpoint_id AND d.event_seq = p_event_seq AND d.lease_id = p_lease_id
    RETURNING d.* INTO held;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO webhook_attempts (endpoint_id, event_seq, attempt, tenant_id, sent_at, took_s, status, error)
    VALUES (p_endpoint_id, p_event_seq, held.attempts, held.tenant_id,
            clock_timestamp() - make_interval(secs => (p_sent ->> 'took_s')::double precision),
            (p_sent ->> 'took_s')::real, (p_sent ->> 'status')::integer, p_sent ->> 'error');
    IF held.state = 'delivered' THEN
        IF endpoint.failures > 0 THEN
            UPDATE webhook_endpoints e SET failures = 0, failing_since = NULL, probe_at = NULL
             WHERE e.endpoint_id = p_endpoint_id;
        END IF;
        IF endpoint.probe_at IS NOT NULL THEN -- it works again: what failed while it was down need not wait any longer
            UPDATE webhook_deliveries d SET due_at = clock_timestamp()
             WHERE d.endpoint_id = p_endpoint_id AND d.state = 'waiting' AND d.lease_id IS NULL AND d.due_at > clock_timestamp();
        END IF;
        RETURN true;
    END IF;
    UPDATE webhook_endpoints e
       SET failures = e.failures + 1, failing_since = coalesce(e.failing_since, clock_timestamp()),
           probe_at = coalesce(clock_timestamp() + make_interval(secs => (p_verdict ->> 'probe_delay_s')::double precision),
                               e.probe_at),
           enabled = e.enabled AND p_verdict ->> 'disables' IS NULL,
           disabled_because = coalesce(p_verdict ->> 'disables', e.disabled_because)
     WHERE e.endpoint_id = p_endpoint_id
    RETURNING e.* INTO endpoint;
    IF endpoint.failing_since < clock_timestamp() - make_interval(secs => p_give_up_s) THEN
        UPDATE webhook_deliveries d SET state = 'failed', ended_at = clock_timestamp()
         WHERE d.endpoint_id = p_endpoint_id AND d.state = 'waiting' AND d.lease_id IS NULL
           AND d.since < clock_timestamp() - make_interval(secs => p_give_up_s);
    END IF;
    RETURN true;
END $$;

-- Deletes some events that occurred long ago, with their deliveries and attempts. Returns the number of events.
CREATE OR REPLACE FUNCTION forget_webhook_events(p_kept_days integer, p_limit integer) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    old bigint[];
    deleted integer;
BEGIN
    SELECT array_agg(o.event_seq) INTO old
      FROM (SELECT e.event_seq, e.occurred_at FROM webhook_events e ORDER BY e.event_seq LIMIT p_limit) o
     WHERE o.occurred_at < clock_timestamp() - make_interval(days => p_kept_days);
    DELETE FROM webhook_attempts a WHERE a.event_seq = ANY (old);
    DELETE FROM webhook_deliveries d WHERE d.event_seq = ANY (old);
    DELETE FROM webhook_events e WHERE e.event_seq = ANY (old);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END $$;
