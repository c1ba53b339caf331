-- tenant_name --
-- The name of the caller's tenant.
SELECT name FROM tenants WHERE tenant_id = :tenant_id

-- create_code --
-- Creates a one-time code of a key; returns when it expires.
INSERT INTO session_codes (code_hash, tenant_id, made_by, role, name, expires_at)
VALUES (decode(:code_hash, 'hex'), :tenant_id, :key_id, :role, :name, now() + make_interval(secs => :lifetime_s))
RETURNING expires_at

-- exchange_code --
-- Exchanges a one-time code for the key of a session; returns no row if the code is not valid.
SELECT key_id, tenant_id, role, name, expires_at FROM exchange_code(:code_hash, :key_hash, :lifetime_s)

-- end_session --
-- Revokes a key of the tenant if it is the key of a session.
UPDATE api_keys SET revoked_at = coalesce(revoked_at, now())
 WHERE tenant_id = :tenant_id AND key_id = :key_id AND expires_at IS NOT NULL
RETURNING key_id, tenant_id, role, name, created_at, expires_at, revoked_at

-- revoke_sessions_of --
-- Revokes the keys of the sessions that a key has created.
UPDATE api_keys SET revoked_at = now() WHERE made_by = :key_id AND revoked_at IS NULL RETURNING key_id

-- session_count --
-- The number of the tenant's codes and sessions that have not expired.
SELECT (SELECT count(*) FROM session_codes WHERE tenant_id = :tenant_id AND expires_at > now())
     + (SELECT count(*) FROM api_keys WHERE tenant_id = :tenant_id AND expires_at > now() AND revoked_at IS NULL)

-- forget_ended_sessions --
-- Deletes the tenant's expired codes, and the keys of sessions that expired a month ago.
WITH codes AS (DELETE FROM session_codes WHERE tenant_id = :tenant_id AND expires_at < now())
DELETE FROM api_keys WHERE tenant_id = :tenant_id AND expires_at < now() - interval '30 days'

-- correct_record --
-- Stores the values of a record that people set, with the history of this change.
SELECT correct_record(:tenant_id, :file_id, :document, :set_values, :changes, :key_id, :person)

-- review_records --
-- Sets the review of records; returns how many changed, and how many of the files have a record.
SELECT changed, found FROM review_records(:tenant_id, :dataset_id, CAST(:file_ids AS uuid[]), :review, :key_id, :person)

-- record_changes --
-- What people changed in a record, oldest first.
SELECT document, action, field, before, after, key_id, person, changed_at FROM record_changes
 WHERE tenant_id = :tenant_id AND file_id = :file_id ORDER BY change_id LIMIT :limit

-- record_change_count --
-- How often people have changed a record.
SELECT count(*) FROM record_changes WHERE tenant_id = :tenant_id AND file_id = :file_id
