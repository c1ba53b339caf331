-- The constants of policies come from layers/domain as parameters. A function in `functions/` cannot replace one with
-- different parameters, so that these are dropped, with those of earlier versions.

DROP FUNCTION IF EXISTS arrive(jsonb);
DROP FUNCTION IF EXISTS audit_rows(double precision);
DROP FUNCTION IF EXISTS claim_step(uuid, text, integer, integer, text, double precision, boolean);
DROP FUNCTION IF EXISTS dispatch_step(text, integer, double precision);
DROP FUNCTION IF EXISTS dispatch_step(text, integer, double precision, integer, double precision);
DROP FUNCTION IF EXISTS dispatch_step(text, integer, integer, double precision, integer, double precision);
DROP FUNCTION IF EXISTS dispatch_step(
    text, integer, integer, integer, double precision, integer, double precision, integer, double precision);
DROP FUNCTION IF EXISTS dispatch_steps(jsonb, double precision);
DROP FUNCTION IF EXISTS dispatch_steps(jsonb, double precision, jsonb, double precision);
DROP FUNCTION IF EXISTS measure_backlogs(double precision, double precision);
DROP FUNCTION IF EXISTS places_of_cap(integer, integer, double precision);
DROP FUNCTION IF EXISTS record_outcome(
    uuid, text, integer, uuid, text, text, double precision, text, text, text, double precision, text, jsonb);
DROP FUNCTION IF EXISTS record_outcome(
    uuid, text, integer, uuid, text, text, double precision, text, text, text, double precision, text, jsonb, jsonb);
DROP FUNCTION IF EXISTS sum_up_backlogs(timestamptz);
