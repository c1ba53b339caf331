-- Export and erasure of a whole tenant, by one job, with a receipt that outlives the job and the tenant's rows.

ALTER TABLE tenants
    ADD COLUMN erasing_at  timestamptz, -- from here on it gets no key
    ADD COLUMN erased_at   timestamptz;

CREATE TABLE tenant_receipts (
    receipt_id         uuid PRIMARY KEY,     -- that of its job
    tenant_id          uuid NOT NULL REFERENCES tenants,
    holder_id          uuid NOT NULL REFERENCES tenants, -- the tenant of the admin who requested it; its export is stored there
    exports            boolean NOT NULL,
    erases             boolean NOT NULL,
    key_id             uuid,                 -- that requested it
    exported           jsonb NOT NULL DEFAULT '{}', -- {"archives": [...], "files", "missing", "rows": {table: count}}
    erased             jsonb NOT NULL DEFAULT '{}', -- {"files", "objects", "rows": {table: count}}
    verified           jsonb NOT NULL DEFAULT '{}', -- {"tables", "rows_left": {table: count}, "objects_left"}
    created_at         timestamptz NOT NULL DEFAULT now(),
    ended_at           timestamptz,
    export_deleted_at  timestamptz
);
CREATE UNIQUE INDEX tenant_receipts_open ON tenant_receipts (tenant_id) WHERE ended_at IS NULL;
CREATE INDEX tenant_receipts_of_holder ON tenant_receipts (holder_id);
CREATE INDEX tenant_receipts_with_export ON tenant_receipts (ended_at) WHERE exports AND export_deleted_at IS NULL;
ALTER TABLE tenant_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON tenant_receipts TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_system ON tenant_receipts TO fairway_api USING ((SELECT is_system())) WITH CHECK ((SELECT is_system()));
REVOKE UPDATE, DELETE, TRUNCATE ON tenant_receipts FROM fairway_api;
GRANT UPDATE (ended_at) ON tenant_receipts TO fairway_api; -- of one whose job was given up
