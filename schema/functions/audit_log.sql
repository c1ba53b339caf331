-- The hash of an entry of the audit log; `hash_of` in layers/domain/audit_log.py is the same. The first entry of a tenant has
-- 32 zero bytes as the hash before it.
CREATE OR REPLACE FUNCTION audit_log_hash(p_previous bytea, p_number bigint, p_at timestamptz, p_entry text) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(convert_to(concat_ws(E'\n', encode(p_previous, 'hex'), p_number, time_text(p_at), p_entry), 'UTF8'));
END $$;

-- Adds an entry to the audit log of a tenant. Entries of one tenant are added one after another; the lock is held until the
-- commit, so a caller does this last.
CREATE OR REPLACE FUNCTION add_to_audit_log(p_tenant_id uuid, p_action text, p_key_id uuid, p_entry text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    before audit_log%ROWTYPE;
    moment timestamptz;
    previous bytea;
    next_number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_tenant_id::text, 10));
    SELECT * INTO before FROM audit_log a WHERE a.tenant_id = p_tenant_id ORDER BY a.number DESC LIMIT 1;
    moment := date_trunc('milliseconds', clock_timestamp()); -- as precise as it is shown
    previous := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
    next_number := coalesce(before.number, 0) + 1;
    INSERT INTO audit_log (tenant_id, number, at, action, key_id, entry, previous_hash, hash)
    VALUES (p_tenant_id, next_number, moment, p_action, p_key_id, p_entry, previous,
            audit_log_hash(previous, next_number, moment, p_entry));
    RETURN next_number;
END $$;

-- Checks entries of the audit log from a number on: each hash, and that each follows the one before it. Returns how many were
-- checked, the last number, and the first number that is wrong or missing.
CREATE OR REPLACE FUNCTION check_audit_log(p_tenant_id uuid, p_from bigint, p_limit integer)
RETURNS TABLE (checked bigint, last_number bigint, broken_at bigint)
LANGUAGE sql STABLE AS $$
    SELECT count(*), max(e.number),
           min(e.number) FILTER (WHERE e.hash <> audit_log_hash(e.previous_hash, e.number, e.at, e.entry)
                                    OR e.number <> e.number_before + 1 OR e.previous_hash <> e.hash_before
                                    OR (e.number = 1 AND e.previous_hash <> decode(repeat('00', 32), 'hex')))
      FROM (SELECT a.*, lag(a.number) OVER in_order AS number_before, lag(a.hash) OVER in_order AS hash_before
              FROM (SELECT * FROM audit_log l WHERE l.tenant_id = p_tenant_id AND l.number >= p_from
                     ORDER BY l.number LIMIT p_limit) a
            WINDOW in_order AS (ORDER BY a.number)) e
$$;

-- Deletes entries that are older than p_kept_days, of each log up to p_limit, and adds an entry that says up to which number.
-- It waits until the oldest is a day older, so that this happens about once a day. Returns the number of deleted entries.
CREATE OR REPLACE FUNCTION forget_audit_log(p_kept_days integer, p_limit integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    tenant record;
    reached bigint;
    removed bigint;
    deleted bigint := 0;
BEGIN
    FOR tenant IN
        SELECT t.tenant_id FROM tenants t
         WHERE EXISTS (SELECT 1 FROM (SELECT a.at FROM audit_log a WHERE a.tenant_id = t.tenant_id ORDER BY a.number LIMIT 1) f
                        WHERE f.at < clock_timestamp() - make_interval(days => p_kept_days + 1))
         ORDER BY t.tenant_id LIMIT 5 -- their requests wait for the end of this
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(tenant.tenant_id::text, 10)); -- as in add_to_audit_log
        SELECT max(o.number) INTO reached
          FROM (SELECT a.number, a.at FROM audit_log a WHERE a.tenant_id = tenant.tenant_id ORDER BY a.number LIMIT p_limit) o
         WHERE o.at < clock_timestamp() - make_interval(days => p_kept_days);
        CONTINUE WHEN reached IS NULL;
        PERFORM add_to_audit_log(tenant.tenant_id, 'retention', NULL,
                                 format('{"action":"retention","deleted_until":%s}', reached));
        DELETE FROM audit_log a WHERE a.tenant_id = tenant.tenant_id AND a.number <= reached;
        GET DIAGNOSTICS removed = ROW_COUNT;
        deleted := deleted + removed;
    END LOOP;
    RETURN deleted;
END $$;
