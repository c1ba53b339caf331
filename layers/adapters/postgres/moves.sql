-- datasets_named --
-- The datasets with a name; two are enough to see that it is not unique.
SELECT dataset_id FROM datasets
 WHERE tenant_id = :tenant_id AND name = :name AND removed_at IS NULL ORDER BY dataset_id LIMIT 2

-- has_routing --
-- Whether the dataset of a file has rules for kinds.
SELECT d.routing IS NOT NULL AS has_routing FROM files f JOIN datasets d USING (dataset_id)
 WHERE f.tenant_id = :tenant_id AND f.file_id = :file_id

-- lessons_version --
-- Names what a dataset has been taught about kinds; empty without lessons.
SELECT lessons_version(CAST(:dataset_id AS uuid), :most_lessons)

-- move_file --
-- Moves a file at a person's request; returns false if the target was removed.
SELECT move_by_person(:tenant_id, :file_id, CAST(:target AS uuid), CAST(:home AS uuid), CAST(:kind AS text),
                      CAST(:request_id AS uuid), CAST(:key_id AS uuid), CAST(:person AS text)) AS moved

-- moves_of --
-- The moves of one request, in the order of the files.
SELECT m.move_id, m.file_id, m.from_dataset_id, m.to_dataset_id, m.undone_at IS NOT NULL AS undone,
       NOT EXISTS (SELECT 1 FROM file_moves l WHERE l.file_id = m.file_id AND l.move_id > m.move_id) AS is_last
  FROM file_moves m WHERE m.tenant_id = :tenant_id AND m.request_id = CAST(:request_id AS uuid) ORDER BY m.file_id

-- undo_move --
-- Moves a file back; returns false if that is not possible.
SELECT undo_move(:tenant_id, :move_id, CAST(:key_id AS uuid), CAST(:person AS text)) AS undone
