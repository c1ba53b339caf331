-- The migrations that were applied, for those who check the database: the table itself is the owner's alone.
CREATE OR REPLACE FUNCTION applied_migrations() RETURNS TABLE (name text, digest text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT m.name, m.digest FROM migrations m
$$;
