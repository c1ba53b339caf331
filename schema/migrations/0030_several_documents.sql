-- A file may hold several documents: the records of those after the first, [{"fields", "missing", "doubtful", "notes",
-- "evidence", "complete"}, ...].

ALTER TABLE records ADD COLUMN further jsonb NOT NULL DEFAULT '[]';
