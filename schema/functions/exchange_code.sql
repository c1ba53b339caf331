-- Exchanges a one-time code for the key of a session. Returns no row if the code is unknown, was used or has expired, or if
-- the key that created it was revoked. It runs as a role that row-level security does not restrict, because the caller has no
-- tenant yet: the code is the proof.
--
-- The row of the code is deleted first: a second exchange waits for the first one and finds nothing. The creating key is
-- locked, so that its revocation waits for this key and then revokes it too.
CREATE OR REPLACE FUNCTION exchange_code(p_code_hash text, p_key_hash text, p_lifetime_s double precision)
RETURNS TABLE (key_id uuid, tenant_id uuid, role text, name text, expires_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    taken session_codes%ROWTYPE;
BEGIN
    DELETE FROM session_codes WHERE code_hash = decode(p_code_hash, 'hex') RETURNING * INTO taken;
    IF NOT FOUND OR taken.expires_at <= now() THEN
        RETURN;
    END IF;
    PERFORM 1 FROM api_keys k
      WHERE k.key_id = taken.made_by AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
        FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
        INSERT INTO api_keys (tenant_id, key_hash, role, name, made_by, expires_at)
        VALUES (taken.tenant_id, decode(p_key_hash, 'hex'), taken.role, taken.name, taken.made_by,
                now() + make_interval(secs => p_lifetime_s))
        RETURNING key_id, tenant_id, role, name, expires_at;
END $$;
ALTER FUNCTION exchange_code(text, text, double precision) OWNER TO fairway_worker;
