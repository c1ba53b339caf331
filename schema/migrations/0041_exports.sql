-- Exports of a dataset's table, which workers write.

CREATE TABLE exports (
    export_id         uuid PRIMARY KEY DEFAULT uuidv7(),
    tenant_id         uuid NOT NULL REFERENCES tenants,
    dataset_id        uuid NOT NULL REFERENCES datasets,
    format            text NOT NULL CHECK (format IN ('csv', 'xlsx', 'jsonl', 'parquet')),
    conditions        jsonb NOT NULL DEFAULT '[]',
    sort              jsonb,  -- {"field", "by", "descending"}
    state             text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempt           integer NOT NULL DEFAULT 0,
    rows_written      bigint NOT NULL DEFAULT 0,
    object_key        text,
    size_bytes        bigint,
    error_code        text,
    error_detail      text,
    lease_id          uuid,
    lease_expires_at  timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    ended_at          timestamptz,
    CHECK ((state = 'running') = (lease_id IS NOT NULL)),
    CHECK (state <> 'done' OR object_key IS NOT NULL)
);
CREATE INDEX exports_to_run ON exports (created_at) WHERE state IN ('waiting', 'running');
CREATE INDEX exports_to_delete ON exports (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX exports_of_tenant ON exports (tenant_id, export_id DESC);
ALTER TABLE exports ENABLE ROW LEVEL SECURITY;
ALTER TABLE exports FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON exports TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON exports TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
