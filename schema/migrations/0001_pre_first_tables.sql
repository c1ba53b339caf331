-- The first tables: who owns what, where every file stands, and what came of it.

CREATE TABLE tenants (
    tenant_id   uuid PRIMARY KEY DEFAULT uuidv7(),
    name        text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    weight      double precision NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0.01 AND 100),
    quota       jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    key_id      uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id   uuid NOT NULL REFERENCES tenants,
    key_hash    bytea NOT NULL UNIQUE,
    role        text NOT NULL CHECK (role IN ('viewer', 'editor', 'operator', 'admin')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id);

CREATE TABLE datasets (
    dataset_id      uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id       uuid NOT NULL REFERENCES tenants,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    schema_version  integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX datasets_of_tenant ON datasets (tenant_id, dataset_id DESC);

CREATE TABLE schema_versions (
    dataset_id  uuid NOT NULL REFERENCES datasets ON DELETE CASCADE,
    version     integer NOT NULL CHECK (version >= 1),
    tenant_id   uuid NOT NULL REFERENCES tenants,
    schema      jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (dataset_id, version)
);

CREATE TABLE batches (
    batch_id          uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id         uuid NOT NULL REFERENCES tenants,
    dataset_id        uuid NOT NULL REFERENCES datasets,
    allow_duplicates  boolean NOT NULL DEFAULT false,
    created_at        timestamptz NOT NULL DEFAULT now(),
    cancelled_at      timestamptz
);
CREATE INDEX batches_of_dataset ON batches (dataset_id);

CREATE TABLE removals (
    removal_id      uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id       uuid NOT NULL REFERENCES tenants,
    dataset_id      uuid NOT NULL REFERENCES datasets,
    file_count      integer NOT NULL DEFAULT 0,
    erase_after     timestamptz NOT NULL DEFAULT now(),
    erased_at       timestamptz,
    objects_erased  bigint NOT NULL DEFAULT 0,
    rows_erased     bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX removals_to_erase ON removals (erase_after) WHERE erased_at IS NULL;

CREATE TABLE files (
    file_id              uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id            uuid NOT NULL REFERENCES tenants,
    dataset_id           uuid NOT NULL REFERENCES datasets,
    batch_id             uuid NOT NULL REFERENCES batches,
    name                 text NOT NULL CHECK (length(name) BETWEEN 1 AND 1024),
    declared_size_bytes  bigint NOT NULL CHECK (declared_size_bytes >= 0),
    declared_media_type  text,
    declared_sha256      text CHECK (declared_sha256 ~ '^[0-9a-f]{64}$'),
    -- What arrived, once intake has verified it.
    size_bytes           bigint,
    media_type           text,
    sha256               text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    page_count           integer,
    object_key           text NOT NULL UNIQUE,
    version_id           text,
    state                text NOT NULL DEFAULT 'uploading' CHECK (state IN (
        'uploading',       -- a URL was given, nothing came yet
        'upload_missing',  -- nothing came in time; a late upload still counts
        'processing',      -- the main pipeline has work to do
        'done',            -- a complete record stands
        'partial',         -- a record stands that lacks something, and says what
        'failed',          -- the main pipeline gave up, and says why
        'cancelled')),     -- its batch was cancelled before it ran
    error_step           text,
    error_code           text,
    error_detail         text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    uploaded_at          timestamptz,
    updated_at           timestamptz NOT NULL DEFAULT now(),
    upload_until         timestamptz NOT NULL,
    removal_id           uuid REFERENCES removals,
    removed_at           timestamptz
);
CREATE INDEX files_listed ON files (dataset_id, file_id DESC) WHERE removed_at IS NULL;
CREATE INDEX files_listed_by_state ON files (dataset_id, state, file_id DESC) WHERE removed_at IS NULL;
CREATE INDEX files_listed_by_batch ON files (batch_id, file_id DESC) WHERE removed_at IS NULL;
CREATE INDEX files_by_content ON files (dataset_id, sha256) WHERE removed_at IS NULL AND sha256 IS NOT NULL;
CREATE INDEX files_awaited ON files (upload_until) WHERE state = 'uploading';
CREATE INDEX files_to_erase ON files (removal_id) WHERE removal_id IS NOT NULL;

CREATE TABLE steps (
    file_id           uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    step              text NOT NULL,
    part              integer NOT NULL DEFAULT 0 CHECK (part >= 0),
    tenant_id         uuid NOT NULL,
    batch_id          uuid NOT NULL,
    state             text NOT NULL CHECK (state IN (
        'waiting',    -- an earlier step has not ended
        'ready',      -- may run; stands in its lane
        'queued',     -- a wake-up for it was published
        'running',    -- leased by a worker
        'retrying',   -- runs again at due_at
        'parked',     -- its dependency is down; looked at again at due_at
        'done', 'skipped', 'failed', 'cancelled')),
    page_numbers      integer[],
    attempt           integer NOT NULL DEFAULT 0,
    snoozes           integer NOT NULL DEFAULT 0,
    failures          integer NOT NULL DEFAULT 0,
    cost_estimate_s   real NOT NULL DEFAULT 1 CHECK (cost_estimate_s >= 0),
    reason            text,
    error_code        text,
    error_detail      text,
    ready_at          timestamptz,
    queued_at         timestamptz,
    due_at            timestamptz,
    started_at        timestamptz,
    ended_at          timestamptz,
    lease_id          uuid,
    lease_owner       text,
    lease_expires_at  timestamptz,
    PRIMARY KEY (file_id, step, part),
    CHECK ((state = 'running') = (lease_id IS NOT NULL)),
    CHECK (state NOT IN ('retrying', 'parked') OR due_at IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX steps_ready ON steps (step, tenant_id, batch_id, ready_at, file_id, part) WHERE state = 'ready';
CREATE INDEX steps_in_flight ON steps (step) WHERE state IN ('queued', 'running');
CREATE INDEX steps_due ON steps (due_at) WHERE state IN ('retrying', 'parked');
CREATE INDEX steps_leased ON steps (lease_expires_at) WHERE state = 'running';
CREATE INDEX steps_unheard ON steps (queued_at) WHERE state = 'queued';

CREATE TABLE attempts (
    file_id       uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    step          text NOT NULL,
    part          integer NOT NULL,
    attempt       integer NOT NULL,
    tenant_id     uuid NOT NULL,
    outcome       text NOT NULL CHECK (outcome IN (
        'done', 'skipped', 'retried', 'snoozed', 'parked', 'failed', 'lost', 'cancelled')),
    error_code    text,
    error_detail  text,
    started_at    timestamptz NOT NULL,
    ended_at      timestamptz NOT NULL,
    cost_s        real NOT NULL DEFAULT 0,
    host          text,
    PRIMARY KEY (file_id, step, part, attempt)
);

-- A tenant's backlog for one step. `pass` is its virtual time: the lane with the lowest pass goes next.
CREATE TABLE lanes (
    step         text NOT NULL,
    tenant_id    uuid NOT NULL REFERENCES tenants,
    pass         double precision NOT NULL,
    batch_clock  double precision NOT NULL DEFAULT 0,
    active       boolean NOT NULL,
    PRIMARY KEY (step, tenant_id)
) WITH (fillfactor = 50);
CREATE INDEX lanes_next ON lanes (step, pass, tenant_id) WHERE active;

CREATE TABLE batch_lanes (
    step       text NOT NULL,
    tenant_id  uuid NOT NULL REFERENCES tenants,
    batch_id   uuid NOT NULL REFERENCES batches ON DELETE CASCADE,
    pass       double precision NOT NULL,
    active     boolean NOT NULL,
    PRIMARY KEY (step, tenant_id, batch_id)
) WITH (fillfactor = 50);
CREATE INDEX batch_lanes_next ON batch_lanes (step, tenant_id, pass, batch_id) WHERE active;

-- The pass of the lane last dispatched: where a newcomer starts.
CREATE TABLE lane_clocks (
    step  text PRIMARY KEY,
    pass  double precision NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE pages (
    file_id      uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    page_number  integer NOT NULL CHECK (page_number >= 1),
    tenant_id    uuid NOT NULL,
    source       text CHECK (source IN ('native', 'ocr', 'textract')),
    confidence   real NOT NULL DEFAULT 0,
    width        real NOT NULL DEFAULT 0,
    height       real NOT NULL DEFAULT 0,
    text         text NOT NULL DEFAULT '',
    words        jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (file_id, page_number)
);

CREATE TABLE artifacts (
    file_id     uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('text', 'preview', 'thumbnail')),
    tenant_id   uuid NOT NULL,
    object_key  text NOT NULL,
    media_type  text NOT NULL,
    size_bytes  bigint NOT NULL,
    width       integer,
    height      integer,
    page_count  integer,
    source      text,
    confidence  real,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (file_id, kind)
);

CREATE TABLE records (
    record_id       uuid PRIMARY KEY DEFAULT uuidv7(),
    file_id         uuid NOT NULL UNIQUE REFERENCES files ON DELETE CASCADE,
    tenant_id       uuid NOT NULL,
    dataset_id      uuid NOT NULL REFERENCES datasets,
    schema_version  integer NOT NULL,
    fields          jsonb NOT NULL,
    missing         jsonb NOT NULL,
    evidence        jsonb NOT NULL,
    complete        boolean NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX records_of_dataset ON records (dataset_id, record_id);

-- What is left of an erased file: enough to know a late upload or a late artifact of it on sight.
CREATE TABLE tombstones (
    file_id     uuid PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants,
    removal_id  uuid NOT NULL REFERENCES removals,
    erased_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tombstones_of_removal ON tombstones (removal_id);
