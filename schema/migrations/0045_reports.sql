-- Daily reports: figures of the files that were created on a day, by dataset. They outlive the files.

CREATE TABLE report_days (
    day      date PRIMARY KEY,
    made_at  timestamptz NOT NULL
);
CREATE TABLE reports (
    day           date NOT NULL REFERENCES report_days ON DELETE CASCADE,
    tenant_id     uuid NOT NULL REFERENCES tenants,
    dataset_id    uuid NOT NULL REFERENCES datasets,
    tenant_name   text NOT NULL,
    dataset_name  text NOT NULL,
    figures       jsonb NOT NULL,
    PRIMARY KEY (day, tenant_id, dataset_id)
);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['report_days', 'reports'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %I FROM fairway_api', name);
    END LOOP;
END $$;
CREATE POLICY of_all ON report_days FOR SELECT TO fairway_api USING (true); -- days only
CREATE POLICY of_tenant ON reports FOR SELECT TO fairway_api USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY of_system ON reports FOR SELECT TO fairway_api USING ((SELECT is_system()));
