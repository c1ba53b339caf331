-- Exports of originals as zip files, which are written in slices.

ALTER TABLE exports DROP CONSTRAINT exports_format_check,
    ADD CONSTRAINT exports_format_check CHECK (format IN ('csv', 'xlsx', 'jsonl', 'parquet', 'zip')),
    ADD COLUMN names     text,                        -- of a zip export: the template of the paths in it
    ADD COLUMN progress  jsonb NOT NULL DEFAULT '{}', -- of a zip export: {"rows", "after", "manifest", "archives"}
    ADD COLUMN turn_at   timestamptz NOT NULL DEFAULT now();  -- the export with the oldest turn is next
