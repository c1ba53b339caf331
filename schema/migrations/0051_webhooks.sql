-- Webhooks: the endpoints of tenants, the events that they subscribe to, and the deliveries of these.

CREATE TABLE webhook_endpoints (
    endpoint_id          uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id            uuid NOT NULL REFERENCES tenants,
    url                  text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
    description          text CHECK (length(description) BETWEEN 1 AND 200),
    event_types          text[] NOT NULL,
    secret               bytea NOT NULL,
    former_secret        bytea,                 -- also signs until former_secret_until
    former_secret_until  timestamptz,
    enabled              boolean NOT NULL DEFAULT true,
    disabled_because     text,
    failures             integer NOT NULL DEFAULT 0, -- consecutive failures
    failing_since        timestamptz,
    probe_at             timestamptz,           -- while the breaker is open: when the next delivery is tried
    served_at            timestamptz NOT NULL DEFAULT now(), -- when deliveries were last claimed
    created_at           timestamptz NOT NULL DEFAULT now(),
    CHECK ((failures > 0) = (failing_since IS NOT NULL)),
    CHECK ((former_secret IS NULL) = (former_secret_until IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX webhook_endpoints_of_tenant ON webhook_endpoints (tenant_id);

-- The outbox: one row for each event that an endpoint subscribes to, written in the transaction that makes it true.
CREATE TABLE webhook_events (
    event_seq    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid NOT NULL DEFAULT uuidv7(),
    tenant_id    uuid NOT NULL,
    event_type   text NOT NULL,
    dataset_id   uuid,          -- NULL: a test event
    subject_id   uuid NOT NULL, -- what the event is about; the order of its events is kept
    data         jsonb NOT NULL,
    occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_events_by_id ON webhook_events (event_id);

-- No foreign key leads to endpoints: its check would let the end of a file fail if its endpoint is deleted at the same time.
CREATE TABLE webhook_deliveries (
    endpoint_id      uuid NOT NULL,
    event_seq        bigint NOT NULL,
    tenant_id        uuid NOT NULL,
    subject_id       uuid NOT NULL,
    state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts         integer NOT NULL DEFAULT 0,
    attempts_before  integer NOT NULL DEFAULT 0, -- those before it was requested to be delivered again
    lease_id         uuid,
    due_at           timestamptz NOT NULL DEFAULT clock_timestamp(), -- while it is claimed: when the lease expires
    since            timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the time for its retries began
    ended_at         timestamptz,
    PRIMARY KEY (endpoint_id, event_seq),
    CHECK ((state = 'waiting') = (ended_at IS NULL)),
    CHECK (lease_id IS NULL OR state = 'waiting')
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (endpoint_id, event_seq) INCLUDE (tenant_id, due_at)
    WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (endpoint_id, subject_id, event_seq) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_claimed ON webhook_deliveries (tenant_id, due_at) WHERE lease_id IS NOT NULL;
CREATE INDEX webhook_deliveries_of_event ON webhook_deliveries (event_seq);

CREATE TABLE webhook_attempts (
    endpoint_id  uuid NOT NULL,
    event_seq    bigint NOT NULL,
    attempt      integer NOT NULL,
    tenant_id    uuid NOT NULL,
    sent_at      timestamptz NOT NULL,
    took_s       real NOT NULL,
    status       integer,
    error        text,
    PRIMARY KEY (event_seq, endpoint_id, attempt),
    CHECK (status IS NOT NULL OR error IS NOT NULL)
);

-- Batches whose last file may have settled. Like a delta of a count, a row is only added, so that files of one batch that
-- settle at the same time do not wait for each other; upkeep of the deliveries decides.
CREATE TABLE settled_batch_checks (
    check_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    batch_id   uuid NOT NULL
);
CREATE INDEX settled_batch_checks_of_batch ON settled_batch_checks (batch_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['webhook_endpoints', 'webhook_events', 'webhook_deliveries', 'webhook_attempts',
                                'settled_batch_checks'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY of_tenant ON %I TO fairway_api USING (tenant_id = (SELECT current_tenant()))'
                       ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END $$;
REVOKE UPDATE, DELETE, TRUNCATE ON webhook_events, settled_batch_checks FROM fairway_api;
REVOKE INSERT, UPDATE, TRUNCATE ON webhook_attempts FROM fairway_api;
REVOKE TRUNCATE ON webhook_endpoints, webhook_deliveries FROM fairway_api;
