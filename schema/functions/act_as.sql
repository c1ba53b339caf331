-- Who asks, for the rest of this transaction: what row-level security goes by. Functions of ours, since a proxy that
-- shares connections keeps one for whoever is seen to change a setting, be it for a transaction alone.
CREATE OR REPLACE FUNCTION act_as(p_tenant_id text, p_system text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('fairway.tenant_id', p_tenant_id, true), set_config('fairway.system', p_system, true);
END $$;

-- Which key is being looked up, for the rest of this transaction.
CREATE OR REPLACE FUNCTION ask_for_key(p_key_hash text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('fairway.key_hash', p_key_hash, true);
END $$;
