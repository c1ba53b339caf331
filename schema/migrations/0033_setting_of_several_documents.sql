-- What becomes of a file that holds several documents: the record of the first, a record of each, or a failure.

ALTER TABLE datasets ADD COLUMN several text NOT NULL DEFAULT 'records' CHECK (several IN ('first', 'records', 'fail'));
