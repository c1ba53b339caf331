-- Sets the tenant whose rows are visible in this transaction under row-level security. It is a function because a proxy that
-- shares connections pins one to each client that sends a SET statement, even one for a single transaction.
CREATE OR REPLACE FUNCTION act_as(p_tenant_id text, p_system text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('fairway.tenant_id', p_tenant_id, true), set_config('fairway.system', p_system, true);
END $$;

-- Sets the key whose row is visible in this transaction under row-level security, before its tenant is known.
CREATE OR REPLACE FUNCTION ask_for_key(p_key_hash text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('fairway.key_hash', p_key_hash, true);
END $$;
