-- A read-only view for each dataset, in the schema `fairway`, for tools that read PostgreSQL directly.

-- The role owns the views and the policies below decide what they show: a view runs with the rights of its owner, for the
-- tenant in the name of the role that reads it. Readers themselves have no right to any table.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'fairway_views') THEN
        CREATE ROLE fairway_views NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
    GRANT fairway_views TO CURRENT_USER;
END $$;
GRANT USAGE ON SCHEMA public TO fairway_views;
GRANT CREATE ON SCHEMA public TO fairway_views; -- it owns the function that makes the views
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA fairway;
-- An owner that is called `fairway` would otherwise create everything in this schema.
DO $$
BEGIN
    EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET search_path = public', current_database());
END $$;
GRANT USAGE, CREATE ON SCHEMA fairway TO fairway_views;

-- Not a setting of the connection: whoever logs in may change those. The body is parsed here, so that objects in a search path
-- of the caller can't replace what it calls.
CREATE FUNCTION fairway.reader_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN current_user::text ~ '^fairway_reader_[0-9a-f]{32}$' THEN substring(current_user::text FROM 16)::uuid END;

-- A tenant whose values may be read by a login.
CREATE TABLE readers (
    tenant_id   uuid PRIMARY KEY REFERENCES tenants,
    created_at  timestamptz NOT NULL DEFAULT now()
);
-- The view of a dataset: what it was made of. problem: why the last attempt to replace it failed.
CREATE TABLE dataset_views (
    dataset_id      uuid PRIMARY KEY REFERENCES datasets,
    tenant_id       uuid NOT NULL REFERENCES tenants,
    view_name       text UNIQUE,
    dataset_name    text,
    schema_version  integer,
    problem         text,
    tried_at        timestamptz NOT NULL DEFAULT now()
);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['readers', 'dataset_views'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY of_tenant ON %I TO fairway_api USING (tenant_id = (SELECT current_tenant()))'
                       ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %I FROM fairway_api', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['files', 'records', 'datasets', 'dataset_views'] LOOP
        EXECUTE format('GRANT SELECT ON %I TO fairway_views', name);
        EXECUTE format('CREATE POLICY of_reader ON %I FOR SELECT TO fairway_views USING (tenant_id = (SELECT fairway.reader_tenant()))',
                       name);
    END LOOP;
END $$;

-- The datasets of a reader's tenant that have a view. No name in this schema is also one in `public`.
CREATE VIEW fairway.all_datasets WITH (security_barrier) AS
SELECT d.dataset_id, d.name, 'fairway.' || quote_ident(v.view_name) AS view_name, v.schema_version, d.created_at
  FROM datasets d JOIN dataset_views v USING (dataset_id)
 WHERE d.removed_at IS NULL AND v.view_name IS NOT NULL;
ALTER VIEW fairway.all_datasets OWNER TO fairway_views;
