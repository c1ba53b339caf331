-- Steps name the artifacts that they make and the pages that they read: a new step needs no migration.

ALTER TABLE artifacts DROP CONSTRAINT artifacts_kind_check;
ALTER TABLE artifacts ADD CONSTRAINT artifacts_kind_format CHECK (kind ~ '^[a-z][a-z0-9_]{0,62}$');
ALTER TABLE pages DROP CONSTRAINT pages_source_check;
ALTER TABLE pages ADD CONSTRAINT pages_source_format CHECK (source ~ '^[a-z][a-z0-9_]{0,62}$');

-- These functions take more parameters now. One in `functions/` cannot replace another with a different list of them.
DROP FUNCTION IF EXISTS audit(uuid);
DROP FUNCTION IF EXISTS audit_findings(uuid);
DROP FUNCTION IF EXISTS audit_files(uuid, uuid, uuid);
DROP FUNCTION IF EXISTS audit_rows(double precision, integer);
