-- Scans that are separated into files of their own, and the barcodes on pages.

ALTER TABLE batches ADD COLUMN separation jsonb; -- NULL: scans are not separated
ALTER TABLE files
    ADD COLUMN separated  jsonb,    -- what a scan was separated into; NULL: its batch does not separate scans
    ADD COLUMN barcodes   jsonb,    -- on its pages, if the schema asked for them when it was taken in
    ADD COLUMN first_page integer,  -- of a part of a scan: its pages there
    ADD COLUMN last_page  integer,
    ADD CHECK ((first_page IS NULL) = (last_page IS NULL)),
    ADD CHECK (first_page IS NULL OR archive_id IS NOT NULL);
