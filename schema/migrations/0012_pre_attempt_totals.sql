-- What the ledger came to, so that it can be told without reading it: by tenant, step and outcome. Outlives the files.
CREATE TABLE attempt_totals (
    tenant_id  uuid NOT NULL REFERENCES tenants,
    step       text NOT NULL,
    outcome    text NOT NULL,
    attempts   bigint NOT NULL,
    cost_s     double precision NOT NULL,
    PRIMARY KEY (tenant_id, step, outcome)
);
-- One row: attempts that ended up to then are in the totals.
CREATE TABLE attempt_folds (
    only_one      boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    folded_until  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO attempt_folds DEFAULT VALUES;

ALTER TABLE attempt_totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE attempt_totals FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON attempt_totals TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON attempt_totals TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON attempt_totals, attempt_folds FROM fairway_api;
