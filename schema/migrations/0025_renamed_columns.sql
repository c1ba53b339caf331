-- `functions/` has this with a column of another name.

DROP FUNCTION IF EXISTS record_outcomes(jsonb);
