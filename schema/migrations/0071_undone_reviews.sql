-- The reviews that one request set, so that the request can be undone.

ALTER TABLE record_changes ADD COLUMN request_id uuid; -- null for changes that are not undone together
CREATE INDEX record_changes_of_request ON record_changes (request_id, file_id) WHERE request_id IS NOT NULL;
DROP FUNCTION IF EXISTS review_records(uuid, uuid, uuid[], text, uuid, text);
