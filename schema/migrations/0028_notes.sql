-- What a step notes about the reading of its file, [[text, whether content was lost], ...]; a record lists the notes of
-- all steps, and the names of its doubtful values.

ALTER TABLE steps ADD COLUMN notes jsonb;
ALTER TABLE records ADD COLUMN notes jsonb NOT NULL DEFAULT '[]', ADD COLUMN doubtful jsonb NOT NULL DEFAULT '[]';
