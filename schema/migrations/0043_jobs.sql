-- Jobs: work that a person or a scheduler requests and that workers do in slices. And a role for keys of schedulers.

ALTER TABLE api_keys DROP CONSTRAINT api_keys_role_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_role_check
    CHECK (role IN ('viewer', 'editor', 'operator', 'admin', 'scheduler'));

CREATE TABLE jobs (
    job_id       uuid PRIMARY KEY DEFAULT uuidv7(),
    kind         text NOT NULL,
    tenant_id    uuid REFERENCES tenants,    -- NULL: it concerns the whole system
    dataset_id   uuid REFERENCES datasets,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'waiting',    -- no worker has begun it
        'running',    -- begun; a worker has a lease, or the next slice is due at due_at
        'done', 'failed', 'cancelled')),
    parameters   jsonb NOT NULL DEFAULT '{}',
    position     jsonb NOT NULL DEFAULT '{}', -- where the next slice begins
    result       jsonb NOT NULL DEFAULT '{}', -- what was done so far
    done         bigint NOT NULL DEFAULT 0,
    total        bigint,                      -- NULL: unknown
    failures     integer NOT NULL DEFAULT 0,  -- since the last slice that ended well
    error        text,
    cancelling   boolean NOT NULL DEFAULT false,
    lease_id     uuid,
    due_at       timestamptz NOT NULL DEFAULT now(), -- of the next slice; while one runs: when its lease expires
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    ended_at     timestamptz,
    CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)),
    CHECK (ended_at IS NULL OR lease_id IS NULL)
) WITH (fillfactor = 70);
CREATE INDEX jobs_due ON jobs (due_at) WHERE ended_at IS NULL;
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_of_tenant ON jobs (tenant_id, job_id DESC);
-- Of the whole system, one job of a kind is open: the same request again gets the same job.
CREATE UNIQUE INDEX jobs_of_system ON jobs (kind) WHERE tenant_id IS NULL AND ended_at IS NULL;

ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON jobs TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON jobs TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
CREATE POLICY of_system ON jobs TO fairway_api USING ((SELECT is_system())) WITH CHECK ((SELECT is_system()));
REVOKE DELETE, TRUNCATE ON jobs FROM fairway_api;
