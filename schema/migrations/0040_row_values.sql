-- The values of records one by one, so that rows of any dataset are found and sorted by any value with the same few indexes.

-- number: of numbers and booleans; words: of texts and dates, in lower case, the first 200 characters. A value that is a list
-- or an object has neither. Of a file with several documents: the values that are the same in all.
CREATE TABLE row_values (
    file_id     uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    field       text NOT NULL,
    tenant_id   uuid NOT NULL,
    dataset_id  uuid NOT NULL,
    number      double precision,
    words       text COLLATE "C",
    doubtful    boolean NOT NULL,
    PRIMARY KEY (file_id, field)
) WITH (fillfactor = 90);
CREATE INDEX row_values_by_number ON row_values (dataset_id, field, number, file_id) WHERE number IS NOT NULL;
CREATE INDEX row_values_by_words ON row_values (dataset_id, field, words, file_id) WHERE words IS NOT NULL;
CREATE INDEX row_values_doubtful ON row_values (dataset_id, field, file_id) WHERE doubtful;
ALTER TABLE row_values ENABLE ROW LEVEL SECURITY;
ALTER TABLE row_values FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON row_values TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON row_values TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));

-- has_row_values is false for records of earlier releases, until upkeep has stored their values.
ALTER TABLE records
    ADD COLUMN has_row_values  boolean NOT NULL DEFAULT false,
    ADD COLUMN needs_review    boolean NOT NULL DEFAULT false;
CREATE INDEX records_without_row_values ON records (record_id) WHERE NOT has_row_values;
CREATE INDEX records_to_review ON records (dataset_id, file_id) WHERE needs_review AND review = 'open';
