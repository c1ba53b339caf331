-- When a batch's lane may next be looked through from its beginning, which costs much while somebody holds an old snapshot.
ALTER TABLE batch_lanes ADD COLUMN look_through_after timestamptz NOT NULL DEFAULT '-infinity';
