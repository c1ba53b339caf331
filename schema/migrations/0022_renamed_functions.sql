-- `functions/` has these under other names: repair_lanes, measure_backlogs.

DROP FUNCTION IF EXISTS mend_lanes();
DROP FUNCTION IF EXISTS look_at_backlogs(double precision, double precision);
