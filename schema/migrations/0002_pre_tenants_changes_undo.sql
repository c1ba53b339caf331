-- Row-level security, counts that cost the same at any size, a feed of changes, undo, and safe retries.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

-- Two roles that own nothing. A login is given to them where they are used (infra/migrate.py).
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['fairway_api', 'fairway_worker'] LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', role);
        END IF;
        EXECUTE format('GRANT %I TO CURRENT_USER', role);
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role);
    END LOOP;
END $$;
GRANT CREATE ON SCHEMA public TO fairway_worker; -- it owns the functions that bind the tenant themselves

-- --- who the caller is, for one transaction -------------------------------------------------------

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('fairway.tenant_id', true), '')::uuid $$;
-- An admin's own requests: they see every tenant and its keys, and no tenant's files.
CREATE FUNCTION is_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT current_setting('fairway.system', true) = 'on' $$;
-- The key that is just being looked up.
CREATE FUNCTION current_key_hash() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT decode(nullif(current_setting('fairway.key_hash', true), ''), 'hex') $$;

-- --- safe retries -----------------------------------------------------------------------------------

CREATE TABLE idempotency_keys (
    tenant_id   uuid NOT NULL REFERENCES tenants,
    key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
    digest      bytea NOT NULL, -- of the request that it was used for
    status      integer,
    body        jsonb,          -- the answer, without what is secret or expires
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_old ON idempotency_keys (created_at);

-- --- changes ----------------------------------------------------------------------------------------

-- When each file last changed, by transaction id: a reader that takes what lies below the oldest transaction
-- still at work misses no late commit. Outlives the file, so that its removal is told.
CREATE TABLE file_changes (
    file_id      uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    dataset_id   uuid NOT NULL,
    changed_xid  bigint NOT NULL,
    removed      boolean NOT NULL DEFAULT false
) WITH (fillfactor = 80);
CREATE INDEX file_changes_in_order ON file_changes (dataset_id, changed_xid, file_id);
INSERT INTO file_changes (file_id, tenant_id, dataset_id, changed_xid, removed)
SELECT file_id, tenant_id, dataset_id, pg_current_xact_id()::text::bigint, removed_at IS NOT NULL FROM files;

-- --- counts -----------------------------------------------------------------------------------------

-- Live files by state of a dataset, of a batch; of a tenant, what it ever sent ('accepted') and what of that
-- was erased. The truth is the folded row and the deltas that are not folded yet, together.
CREATE TABLE file_counts (
    owner_id   uuid NOT NULL,
    state      text NOT NULL,
    tenant_id  uuid NOT NULL,
    files      bigint NOT NULL,
    PRIMARY KEY (owner_id, state)
);
CREATE TABLE count_deltas (
    delta_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id   uuid NOT NULL,
    state      text NOT NULL,
    tenant_id  uuid NOT NULL,
    delta      bigint NOT NULL
);
CREATE INDEX count_deltas_of_owner ON count_deltas (owner_id, state) INCLUDE (delta);
INSERT INTO file_counts (owner_id, state, tenant_id, files)
SELECT o.owner_id, o.state, o.tenant_id, count(*)
  FROM files f, LATERAL (VALUES
       (f.dataset_id, CASE WHEN f.removed_at IS NULL THEN f.state ELSE 'removed' END, f.tenant_id),
       (f.batch_id, CASE WHEN f.removed_at IS NULL THEN f.state ELSE 'removed' END, f.tenant_id),
       (f.tenant_id, 'accepted', f.tenant_id)) AS o(owner_id, state, tenant_id)
 GROUP BY 1, 2, 3;

-- --- removal and undo -------------------------------------------------------------------------------

ALTER TABLE removals
    ADD COLUMN undone_at    timestamptz,
    ADD COLUMN erasing_at   timestamptz, -- erasure has begun: no undo from here on
    ADD COLUMN sweep_after  timestamptz, -- when the last URL and lease have expired
    ADD COLUMN swept_at     timestamptz;
DROP INDEX removals_to_erase;
CREATE INDEX removals_to_erase ON removals (erase_after) WHERE erased_at IS NULL AND undone_at IS NULL;
CREATE INDEX removals_to_sweep ON removals (sweep_after) WHERE erased_at IS NOT NULL AND swept_at IS NULL;
ALTER TABLE steps
    ADD COLUMN stopped_from  text CHECK (stopped_from IN ('waiting', 'ready')), -- what an undo brings it back to
    ADD COLUMN redrives      integer NOT NULL DEFAULT 0;

-- --- schemas ----------------------------------------------------------------------------------------

-- The order of a schema's properties is that of the table's columns; jsonb would forget it.
ALTER TABLE schema_versions ALTER COLUMN schema TYPE json USING schema::json;

-- --- names ------------------------------------------------------------------------------------------

CREATE INDEX files_by_name ON files USING gin (dataset_id, name gin_trgm_ops) WHERE removed_at IS NULL;

-- --- who may see what -------------------------------------------------------------------------------

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO fairway_api, fairway_worker;
REVOKE ALL ON migrations FROM fairway_api, fairway_worker;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO fairway_api, fairway_worker;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'tenants', 'api_keys', 'datasets', 'schema_versions', 'batches', 'removals', 'files', 'steps', 'attempts',
        'lanes', 'batch_lanes', 'pages', 'artifacts', 'records', 'tombstones', 'idempotency_keys', 'file_changes',
        'file_counts', 'count_deltas'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY of_tenant ON %I TO fairway_api USING (tenant_id = (SELECT current_tenant()))'
                       ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END $$;
CREATE POLICY of_system ON tenants TO fairway_api USING ((SELECT is_system())) WITH CHECK ((SELECT is_system()));
CREATE POLICY of_system ON api_keys TO fairway_api USING ((SELECT is_system())) WITH CHECK ((SELECT is_system()));
CREATE POLICY being_looked_up ON api_keys FOR SELECT TO fairway_api
    USING (key_hash = (SELECT current_key_hash()));
