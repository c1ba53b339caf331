-- Values that a person set, apart from those that extraction found; reviews; and the confidence from which values are sure.

ALTER TABLE datasets ADD COLUMN sure_from real NOT NULL DEFAULT 0 CHECK (sure_from BETWEEN 0 AND 100);

-- set_values: by number of a document in the file, then by property: {"1": {"total": {"value": 9.5, "evidence": {...}}}}.
-- lost: whether content of the file was lost; null in records of earlier releases.
ALTER TABLE records
    ADD COLUMN version     bigint NOT NULL DEFAULT 1,
    ADD COLUMN found_by    text NOT NULL DEFAULT 'rules' CHECK (found_by IN ('rules', 'model')),
    ADD COLUMN lost        boolean,
    ADD COLUMN set_values  jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN review      text NOT NULL DEFAULT 'open' CHECK (review IN ('open', 'approved', 'rejected'));

-- What people have changed in records. `field` is null for a review; `key_id` is null where a new extraction ended a review.
CREATE TABLE record_changes (
    change_id   uuid PRIMARY KEY DEFAULT uuidv7(),
    file_id     uuid NOT NULL REFERENCES files ON DELETE CASCADE,
    tenant_id   uuid NOT NULL,
    document    integer NOT NULL DEFAULT 1 CHECK (document >= 1),
    action      text NOT NULL CHECK (action IN ('set', 'reset', 'review')),
    field       text,
    before      jsonb,
    after       jsonb,
    key_id      uuid,
    person      text,
    changed_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX record_changes_of_file ON record_changes (file_id, change_id);
ALTER TABLE record_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE record_changes FORCE ROW LEVEL SECURITY;
CREATE POLICY of_workers ON record_changes TO fairway_worker USING (true) WITH CHECK (true);
CREATE POLICY of_tenant ON record_changes TO fairway_api USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()));
