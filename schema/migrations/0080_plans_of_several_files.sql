-- Plans are written for several files at once, by write_plans.
DROP FUNCTION IF EXISTS write_plan(uuid, jsonb);
