-- Routing: a dataset sends files to other datasets by their kind, and people move files.

-- {"invoice": dataset_id, ...}; NULL without rules.
ALTER TABLE datasets ADD COLUMN routing jsonb;

-- kind_by: `rules`, `learnt` or `person`. moved: {"from": dataset_id, "by": "rule" or "person", "at"} of the last move.
ALTER TABLE files
    ADD COLUMN kind              text CHECK (kind IN ('invoice', 'receipt', 'statement', 'other')),
    ADD COLUMN kind_probability  real,
    ADD COLUMN kind_by           text CHECK (kind_by IN ('rules', 'learnt', 'person')),
    ADD COLUMN moved             jsonb;

-- A file leaves a row in each dataset in which it was, so that readers of that dataset's changes learn that it left.
ALTER TABLE file_changes DROP CONSTRAINT file_changes_pkey, ADD PRIMARY KEY (file_id, dataset_id);

-- request_id: the moves of one request, which are undone together. set_aside: the values that a person set and that the
-- target has no field for; they come back when the file does.
CREATE TABLE file_moves (
    move_id          uuid PRIMARY KEY DEFAULT uuidv7(),
    file_id          uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    tenant_id        uuid NOT NULL,
    from_dataset_id  uuid NOT NULL,
    to_dataset_id    uuid NOT NULL,
    moved_by         text NOT NULL CHECK (moved_by IN ('rule', 'person', 'undo')),
    kind             text,
    former_kind      jsonb NOT NULL, -- {"kind", "probability", "by"}, for an undo
    set_aside        jsonb NOT NULL DEFAULT '{}',
    request_id       uuid,
    key_id           uuid,
    person           text,
    undone_at        timestamptz,
    moved_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX file_moves_of_file ON file_moves (file_id, move_id);
CREATE INDEX file_moves_of_request ON file_moves (request_id, file_id) WHERE request_id IS NOT NULL;
CREATE INDEX file_moves_of_dataset ON file_moves (from_dataset_id, move_id);

-- What people have taught about the kinds of a dataset's files: a file that they moved, or approved where a rule had sent it.
-- The words are those of the file's pages, so that a file that is erased is forgotten.
CREATE TABLE kind_lessons (
    dataset_id  uuid NOT NULL,
    file_id     uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    tenant_id   uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('invoice', 'receipt', 'statement', 'other')),
    taught_by   text NOT NULL CHECK (taught_by IN ('move', 'approval')),
    taught_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (dataset_id, file_id)
);
CREATE INDEX kind_lessons_newest ON kind_lessons (dataset_id, taught_at DESC);
CREATE INDEX kind_lessons_of_file ON kind_lessons (file_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['file_moves', 'kind_lessons'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_workers ON %I TO fairway_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY of_tenant ON %I TO fairway_api USING (tenant_id = (SELECT current_tenant()))'
                       ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
    END LOOP;
END $$;
