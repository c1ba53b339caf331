-- The languages in which a dataset's pages are read, and the turn by which a page is read the right way up.

ALTER TABLE datasets
    ADD COLUMN languages text[] NOT NULL DEFAULT '{eng}' CHECK (cardinality(languages) BETWEEN 1 AND 5);
ALTER TABLE pages
    ADD COLUMN turned smallint NOT NULL DEFAULT 0 CHECK (turned IN (0, 90, 180, 270));
