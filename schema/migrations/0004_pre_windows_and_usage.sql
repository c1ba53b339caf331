-- What is found in the windows of a long text until all are merged, and what an attempt used of paid services.

CREATE TABLE windows (
    file_id    uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    step       text NOT NULL,
    part       integer NOT NULL,
    tenant_id  uuid NOT NULL,
    found      jsonb NOT NULL,
    PRIMARY KEY (file_id, step, part)
);
ALTER TABLE windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE windows FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON windows TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON windows TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));

ALTER TABLE attempts ADD COLUMN used jsonb; -- {"calls", "pages", "input_tokens", "output_tokens"}, each of them optional
