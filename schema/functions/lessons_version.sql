-- Names what a dataset has been taught about kinds, by its newest lessons; empty without any. What is made of them is made again
-- when it changes.
CREATE OR REPLACE FUNCTION lessons_version(p_dataset_id uuid, p_most integer) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT concat_ws(' ', count(*), max(k.taught_at), min(k.taught_at))
                       FROM (SELECT l.taught_at FROM kind_lessons l
                              WHERE l.dataset_id = p_dataset_id ORDER BY l.taught_at DESC LIMIT p_most) k
                     HAVING count(*) > 0), '')
$$;
