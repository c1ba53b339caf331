-- Sessions of people: a one-time code is exchanged for a key that expires.

-- A key with a time of expiry is the key of a session. It was created by a code of the key `made_by`, and is revoked with it.
ALTER TABLE api_keys
    ADD COLUMN expires_at  timestamptz,
    ADD COLUMN made_by     uuid,
    ADD COLUMN name        text CHECK (length(name) BETWEEN 1 AND 200);
CREATE INDEX api_keys_made_by ON api_keys (made_by) WHERE made_by IS NOT NULL;

-- The policy refuses an expired key, so that a release that does not know of expiry refuses it too.
ALTER POLICY being_looked_up ON api_keys
    USING (key_hash = (SELECT current_key_hash()) AND (expires_at IS NULL OR expires_at > now()));

CREATE TABLE session_codes (
    code_hash   bytea PRIMARY KEY,
    tenant_id   uuid NOT NULL REFERENCES tenants,
    made_by     uuid NOT NULL,
    role        text NOT NULL CHECK (role IN ('viewer', 'editor', 'operator', 'admin')),
    name        text CHECK (length(name) BETWEEN 1 AND 200),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX session_codes_of_tenant ON session_codes (tenant_id, expires_at);
ALTER TABLE session_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE session_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON session_codes TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON session_codes TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
