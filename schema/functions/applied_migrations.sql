-- The applied migrations, for roles that check the database: only the owner may read the table itself.
CREATE OR REPLACE FUNCTION applied_migrations() RETURNS TABLE (name text, digest text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT m.name, m.digest FROM migrations m
$$;
