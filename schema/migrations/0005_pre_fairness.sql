-- Fairness in depth: priority inside a tenant, marks below which nothing is looked for, what every lane holds,
-- how fast each step is served, and what a tenant has, for its quotas.

ALTER TABLE batches ADD COLUMN priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('normal', 'low'));

-- --- marks -------------------------------------------------------------------------------------------

-- A snapshot that somebody holds keeps dead index entries alive; the marks let a look-up begin after them.
-- No active lane stands below a floor.
ALTER TABLE lane_clocks
    ADD COLUMN floor            double precision NOT NULL DEFAULT '-Infinity',
    ADD COLUMN floor_at         timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN in_flight_since  timestamptz NOT NULL DEFAULT '-infinity', -- when the oldest part in flight was queued
    ADD COLUMN taken            bigint NOT NULL DEFAULT 0,                -- parts ever dispatched
    ADD COLUMN taken_s          double precision NOT NULL DEFAULT 0;      -- their cost, as estimated
ALTER TABLE lanes
    ADD COLUMN batch_floor      double precision NOT NULL DEFAULT '-Infinity';
ALTER TABLE batch_lanes
    ADD COLUMN weight      double precision NOT NULL DEFAULT 1,
    ADD COLUMN ready_mark  timestamptz NOT NULL DEFAULT '-infinity'; -- what was readied before has been taken

DROP INDEX steps_in_flight;
CREATE INDEX steps_in_flight ON steps (step, queued_at) WHERE state IN ('queued', 'running');
DROP INDEX steps_ready;
CREATE INDEX steps_ready ON steps (step, tenant_id, batch_id, ready_at, file_id, part) INCLUDE (cost_estimate_s)
    WHERE state = 'ready';

-- --- what waits, and how fast it is served -------------------------------------------------------------

-- A lane's backlog as it was last looked at. The marks lie along it: of whatever was readied at `marks_at[n]`,
-- `marks_files[n]` files and `marks_cost_s[n]` seconds of the same lane stand before it.
CREATE TABLE lane_backlogs (
    step             text NOT NULL,
    tenant_id        uuid NOT NULL,
    batch_id         uuid NOT NULL,
    files            integer NOT NULL,
    parts            integer NOT NULL,
    cost_s           double precision NOT NULL,
    oldest_ready_at  timestamptz NOT NULL,
    marks_at         timestamptz[] NOT NULL,
    marks_files      integer[] NOT NULL,
    marks_cost_s     double precision[] NOT NULL,
    PRIMARY KEY (step, tenant_id, batch_id)
);
-- One row: when backlogs were last looked at, and how long it took.
CREATE TABLE backlog_looks (
    only_one   boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    looked_at  timestamptz NOT NULL DEFAULT '-infinity',
    took_s     double precision NOT NULL DEFAULT 0
);
INSERT INTO backlog_looks DEFAULT VALUES;
-- What each step had dispatched by a time, some minutes back: two of them make a rate.
CREATE TABLE step_samples (
    step        text NOT NULL,
    sampled_at  timestamptz NOT NULL,
    taken       bigint NOT NULL,
    taken_s     double precision NOT NULL,
    waited      boolean NOT NULL, -- whether anything was left waiting: only then the rate is all that there is
    PRIMARY KEY (step, sampled_at)
);
-- The ledger grows at its end, so its newest rows are found by where they stand, for next to no cost a write.
CREATE INDEX attempts_recent ON attempts USING brin (ended_at) WITH (pages_per_range = 16, autosummarize = on);

ALTER TABLE lane_backlogs ENABLE ROW LEVEL SECURITY;
ALTER TABLE lane_backlogs FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON lane_backlogs TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON lane_backlogs TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON lane_backlogs, backlog_looks, step_samples FROM fairway_api;

-- --- what a tenant has ----------------------------------------------------------------------------------

-- Beside 'accepted' and 'erased', by tenant: files that are not settled, bytes that are stored or promised, and
-- files announced on a day (in UTC).
INSERT INTO file_counts (owner_id, state, tenant_id, files)
SELECT f.tenant_id, o.state, f.tenant_id, sum(o.amount)
  FROM files f, LATERAL (VALUES
       ('unsettled', (f.removed_at IS NULL AND f.state IN ('uploading', 'processing'))::integer::bigint),
       ('bytes', CASE WHEN f.state = 'upload_missing' THEN 0 ELSE f.declared_size_bytes END),
       ('day:' || to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
        (f.created_at >= date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')::integer::bigint)
       ) AS o(state, amount)
 GROUP BY 1, 2 HAVING sum(o.amount) <> 0;
