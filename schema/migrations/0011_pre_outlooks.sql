-- Waits explained: what stands in every lane and how fast each step is served, as it was last looked at.

-- All of it is looked up anew every few seconds: it needs no log, and is empty after a crash.
ALTER TABLE lane_backlogs SET UNLOGGED;
ALTER TABLE lane_backlogs
    ADD COLUMN pass          double precision NOT NULL DEFAULT 0, -- of the tenant's lane, and its weight
    ADD COLUMN weight        double precision NOT NULL DEFAULT 1,
    ADD COLUMN batch_pass    double precision NOT NULL DEFAULT 0,
    ADD COLUMN batch_weight  double precision NOT NULL DEFAULT 1;

-- One row a step, of all tenants together: whoever may ask for one file's wait may know how much there is in all,
-- and nothing of whose it is. Until the fair order comes to `curve_pass[n]`, `curve_cost_s[n]` seconds are served.
CREATE UNLOGGED TABLE step_outlooks (
    step             text PRIMARY KEY,
    looked_at        timestamptz NOT NULL,
    files            bigint NOT NULL,
    parts            bigint NOT NULL,
    cost_s           double precision NOT NULL,
    oldest_ready_at  timestamptz,
    curve_pass       double precision[] NOT NULL,
    curve_cost_s     double precision[] NOT NULL,
    -- Seconds of estimated cost that were dispatched a second while something waited: at the slowest, on the whole and
    -- at the fastest of late; null where nothing waited long enough to tell.
    served_low       double precision,
    served           double precision,
    served_high      double precision,
    parts_a_s        double precision,
    cost_a_file_s    double precision, -- of each file that was taken in of late, this much had this step to do
    run_low_s        double precision, -- how long an attempt takes, from dispatch to its end: one in ten is shorter,
    run_s            double precision, -- half, nine in ten
    run_high_s       double precision
);
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON step_outlooks FROM fairway_api;
