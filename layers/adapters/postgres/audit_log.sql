-- add_to_audit_log --
-- Adds an entry to the audit log of the tenant; returns its number.
SELECT add_to_audit_log(:tenant_id, :action, CAST(:key_id AS uuid), :entry)

-- audit_log_newest_first --
-- A page of the audit log, newest first.
SELECT number, at, action, key_id, entry, encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash
  FROM audit_log
 WHERE tenant_id = :tenant_id AND (CAST(:after AS bigint) IS NULL OR number < :after)
   AND (CAST(:action AS text) IS NULL OR action = :action) AND (CAST(:key_id AS uuid) IS NULL OR key_id = :key_id)
   AND (CAST(:since AS timestamptz) IS NULL OR at >= :since) AND (CAST(:until AS timestamptz) IS NULL OR at < :until)
 ORDER BY number DESC LIMIT :limit

-- audit_log_oldest_first --
-- The same, oldest first.
SELECT number, at, action, key_id, entry, encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash
  FROM audit_log
 WHERE tenant_id = :tenant_id AND (CAST(:after AS bigint) IS NULL OR number > :after)
   AND (CAST(:action AS text) IS NULL OR action = :action) AND (CAST(:key_id AS uuid) IS NULL OR key_id = :key_id)
   AND (CAST(:since AS timestamptz) IS NULL OR at >= :since) AND (CAST(:until AS timestamptz) IS NULL OR at < :until)
 ORDER BY number LIMIT :limit

-- check_audit_log --
-- Checks entries of the audit log from a number on.
SELECT checked, last_number, broken_at FROM check_audit_log(:tenant_id, :first_number, :limit)
