-- Sets for this transaction which tenant row-level security lets see its rows. A function does it because a proxy that shares
-- connections pins one to each client that sends a SET statement, even one for a single transaction.
CREATE OR REPLACE FUNCTION act_as(p_tenant_id text, p_system text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('fairway.tenant_id', p_tenant_id, true), set_config('fairway.system', p_system, true);
END $$;

-- Sets for this transaction which key row-level security lets read, before its tenant is known.
CREATE OR REPLACE FUNCTION ask_for_key(p_key_hash text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('fairway.key_hash', p_key_hash, true);
END $$;
