-- create_endpoint --
-- Creates an endpoint for webhooks.
INSERT INTO webhook_endpoints (tenant_id, url, description, event_types, secret)
VALUES (:tenant_id, :url, :description, :event_types, :secret)
RETURNING endpoint_id, url, description, event_types, enabled, disabled_because, failures, failing_since, probe_at,
          former_secret_until, created_at

-- endpoints --
-- The endpoints of the tenant, oldest first.
SELECT endpoint_id, url, description, event_types, enabled, disabled_because, failures, failing_since, probe_at,
       former_secret_until, created_at
  FROM webhook_endpoints WHERE tenant_id = :tenant_id ORDER BY endpoint_id

-- endpoint --
-- One endpoint of the tenant.
SELECT endpoint_id, url, description, event_types, enabled, disabled_because, failures, failing_since, probe_at,
       former_secret_until, created_at
  FROM webhook_endpoints WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id

-- change_endpoint --
-- Changes the values of an endpoint that are not null. A new URL and switching it on close its breaker.
UPDATE webhook_endpoints e
   SET url = coalesce(:url, e.url), description = coalesce(:description, e.description),
       event_types = coalesce(CAST(:event_types AS text[]), e.event_types),
       enabled = coalesce(CAST(:enabled AS boolean), e.enabled),
       disabled_because = CASE WHEN CAST(:enabled AS boolean) IS NULL THEN e.disabled_because END,
       failures = CASE WHEN :url IS NULL AND CAST(:enabled AS boolean) IS NOT TRUE THEN e.failures ELSE 0 END,
       failing_since = CASE WHEN :url IS NULL AND CAST(:enabled AS boolean) IS NOT TRUE THEN e.failing_since END,
       probe_at = CASE WHEN :url IS NULL AND CAST(:enabled AS boolean) IS NOT TRUE THEN e.probe_at END
 WHERE e.tenant_id = :tenant_id AND e.endpoint_id = :endpoint_id
RETURNING endpoint_id, url, description, event_types, enabled, disabled_because, failures, failing_since, probe_at,
          former_secret_until, created_at

-- replace_secret --
-- Replaces the secret of an endpoint; the former one signs as well for some time.
UPDATE webhook_endpoints e
   SET former_secret = e.secret, former_secret_until = now() + make_interval(secs => :former_s), secret = :secret
 WHERE e.tenant_id = :tenant_id AND e.endpoint_id = :endpoint_id
RETURNING endpoint_id, url, description, event_types, enabled, disabled_because, failures, failing_since, probe_at,
          former_secret_until, created_at

-- delete_endpoint --
-- Deletes an endpoint with its deliveries. Their attempts are deleted with the events: to find all of them could take long.
WITH gone AS (
    DELETE FROM webhook_endpoints WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id RETURNING endpoint_id),
deliveries AS (
    DELETE FROM webhook_deliveries d USING gone g WHERE d.tenant_id = :tenant_id AND d.endpoint_id = g.endpoint_id)
SELECT endpoint_id FROM gone

-- create_test_event --
-- Creates an event for one endpoint alone.
WITH noted AS (
    INSERT INTO webhook_events (tenant_id, event_type, subject_id, data)
    SELECT e.tenant_id, :event_type, e.endpoint_id, jsonb_build_object('webhook_id', e.endpoint_id)
      FROM webhook_endpoints e WHERE e.tenant_id = :tenant_id AND e.endpoint_id = :endpoint_id
    RETURNING event_id, event_seq, tenant_id, subject_id),
delivery AS (
    INSERT INTO webhook_deliveries (endpoint_id, event_seq, tenant_id, subject_id)
    SELECT n.subject_id, n.event_seq, n.tenant_id, n.subject_id FROM noted n)
SELECT event_id FROM noted

-- deliveries --
-- A page of the log of an endpoint, newest first.
SELECT v.event_id, d.event_seq, v.event_type, d.subject_id, v.occurred_at, d.state, d.attempts, d.due_at, d.ended_at,
       a.sent_at AS last_at, a.status AS last_status, a.error AS last_error
  FROM webhook_deliveries d
  JOIN webhook_events v USING (event_seq)
  LEFT JOIN webhook_attempts a ON a.event_seq = d.event_seq AND a.endpoint_id = d.endpoint_id AND a.attempt = d.attempts
 WHERE d.tenant_id = :tenant_id AND d.endpoint_id = :endpoint_id
   AND (CAST(:after AS bigint) IS NULL OR d.event_seq < :after)
   AND (CAST(:state AS text) IS NULL OR d.state = :state)
 ORDER BY d.event_seq DESC LIMIT :limit

-- delivery --
-- One delivery of an endpoint.
SELECT v.event_id, d.event_seq, v.event_type, d.subject_id, v.occurred_at, d.state, d.attempts, d.due_at, d.ended_at,
       a.sent_at AS last_at, a.status AS last_status, a.error AS last_error
  FROM webhook_events v
  JOIN webhook_deliveries d ON d.event_seq = v.event_seq AND d.endpoint_id = :endpoint_id
  LEFT JOIN webhook_attempts a ON a.event_seq = d.event_seq AND a.endpoint_id = d.endpoint_id AND a.attempt = d.attempts
 WHERE v.tenant_id = :tenant_id AND v.event_id = :event_id

-- delivery_attempts --
-- Every attempt at a delivery, oldest first.
SELECT attempt, sent_at, took_s::float8 AS took_s, status, error FROM webhook_attempts
 WHERE tenant_id = :tenant_id AND endpoint_id = :endpoint_id AND event_seq = :event_seq ORDER BY attempt

-- redeliver --
-- Makes a delivery due again, unless it is being sent or waits already.
UPDATE webhook_deliveries d
   SET state = 'waiting', ended_at = NULL, due_at = clock_timestamp(),
       since = CASE WHEN d.state = 'waiting' THEN d.since ELSE clock_timestamp() END,
       attempts_before = CASE WHEN d.state = 'waiting' THEN d.attempts_before ELSE d.attempts END
  FROM webhook_events v
 WHERE v.tenant_id = :tenant_id AND v.event_id = :event_id AND d.endpoint_id = :endpoint_id
   AND d.event_seq = v.event_seq AND d.lease_id IS NULL
RETURNING d.event_seq

-- redeliver_failed --
-- Makes failed deliveries due again, the oldest first.
UPDATE webhook_deliveries d
   SET state = 'waiting', ended_at = NULL, due_at = clock_timestamp(), since = clock_timestamp(),
       attempts_before = d.attempts
  FROM (SELECT o.event_seq FROM webhook_deliveries o JOIN webhook_events v USING (event_seq)
         WHERE o.tenant_id = :tenant_id AND o.endpoint_id = :endpoint_id AND o.state = 'failed' AND v.occurred_at >= :since
         ORDER BY o.event_seq LIMIT :limit) chosen
 WHERE d.endpoint_id = :endpoint_id AND d.event_seq = chosen.event_seq AND d.state = 'failed'
RETURNING d.event_seq
