-- How accurately OCR reads the files of a dataset.

ALTER TABLE datasets
    ADD COLUMN reading text NOT NULL DEFAULT 'balanced' CHECK (reading IN ('fast', 'balanced', 'accurate'));
