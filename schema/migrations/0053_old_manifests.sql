-- Upkeep deletes manifests some time after their deadlines.
CREATE INDEX manifests_by_deadline ON manifests (upload_until);
