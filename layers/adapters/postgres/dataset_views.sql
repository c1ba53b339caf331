-- outdated_views --
-- Datasets whose view differs from what it should be; those that were not tried for longest first.
WITH wanted AS (
    SELECT d.dataset_id, d.tenant_id, d.name, d.schema_version
      FROM readers r JOIN datasets d USING (tenant_id) WHERE d.removed_at IS NULL)
SELECT coalesce(w.dataset_id, v.dataset_id) AS dataset_id, coalesce(w.tenant_id, v.tenant_id) AS tenant_id, w.name,
       coalesce(s.schema, '{}') AS schema, coalesce(w.schema_version, 0) AS schema_version, v.view_name
  FROM wanted w FULL JOIN dataset_views v USING (dataset_id)
  LEFT JOIN schema_versions s ON s.dataset_id = w.dataset_id AND s.version = w.schema_version
 WHERE (w.name, w.schema_version) IS DISTINCT FROM (v.dataset_name, v.schema_version)
   AND (w.dataset_id IS NOT NULL OR v.view_name IS NOT NULL)
   AND (CAST(:tenant_id AS uuid) IS NULL OR coalesce(w.tenant_id, v.tenant_id) = :tenant_id)
 ORDER BY v.tried_at NULLS FIRST, 1 LIMIT :limit

-- free_view_name --
-- The first of these names that no view of another dataset has.
SELECT n.name FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS n(name, index)
 WHERE NOT EXISTS (SELECT 1 FROM dataset_views v WHERE v.view_name = n.name AND v.dataset_id <> :dataset_id)
 ORDER BY n.index LIMIT 1

-- lock_views --
-- Lets one process at a time choose names for views.
SELECT pg_advisory_xact_lock(hashtextextended('fairway dataset views', 0))

-- replace_view --
-- Replaces a view by another one; returns why it was not possible.
SELECT replace_dataset_view(:dataset_id, :tenant_id, :old, :new, :columns) AS problem

-- keep_view --
-- Stores of what a view was made.
INSERT INTO dataset_views (dataset_id, tenant_id, view_name, dataset_name, schema_version)
VALUES (:dataset_id, :tenant_id, :view_name, :name, :schema_version)
ON CONFLICT (dataset_id) DO UPDATE SET view_name = excluded.view_name, dataset_name = excluded.dataset_name,
       schema_version = excluded.schema_version, problem = NULL, tried_at = now()

-- keep_problem --
-- Stores why a view could not be replaced.
INSERT INTO dataset_views (dataset_id, tenant_id, problem) VALUES (:dataset_id, :tenant_id, :problem)
ON CONFLICT (dataset_id) DO UPDATE SET problem = excluded.problem, tried_at = now()
