-- The SHA-256 of a file's text, so that a later step does not store the same text again. NULL in rows of older versions.

ALTER TABLE artifacts ADD COLUMN sha256 text;
