-- The audit log: who changed what. It is only added to, and each entry contains the hash of the entry before it.

CREATE TABLE audit_log (
    tenant_id      uuid NOT NULL REFERENCES tenants,
    number         bigint NOT NULL CHECK (number >= 1), -- from 1, without gaps
    at             timestamptz NOT NULL,
    action         text NOT NULL,
    key_id         uuid,            -- NULL: not requested by a key
    entry          text NOT NULL,   -- JSON, as it was hashed
    previous_hash  bytea NOT NULL CHECK (length(previous_hash) = 32),
    hash           bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tenant_id, number)
);
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON audit_log TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON audit_log TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM fairway_api;
REVOKE UPDATE, TRUNCATE ON audit_log FROM fairway_worker;
