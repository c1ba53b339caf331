-- The memory of senders: keys of the documents whose records a person has corrected or approved.

-- A key is a number or a domain of a sender, or a word of its letterhead, name or address; see layers/domain/learning/sender_keys.py.
-- The values that were learnt stay in `records` alone, so that an erased file, a reset value or a rejected record teaches
-- nothing. of_text: the key was read on a page, and is erased with the text.
CREATE TABLE sender_keys (
    dataset_id  uuid NOT NULL REFERENCES datasets,
    key         text COLLATE "C" NOT NULL,
    file_id     uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    document    integer NOT NULL CHECK (document >= 1),
    tenant_id   uuid NOT NULL,
    of_text     boolean NOT NULL,
    PRIMARY KEY (dataset_id, key, file_id, document)
);
CREATE INDEX sender_keys_of_file ON sender_keys (file_id);
ALTER TABLE sender_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE sender_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON sender_keys TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON sender_keys TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));

CREATE INDEX records_taught ON records (dataset_id, file_id) WHERE review = 'approved' OR set_values <> '{}';

-- The values that are from the memory, by name.
ALTER TABLE records ADD COLUMN remembered jsonb NOT NULL DEFAULT '[]';
