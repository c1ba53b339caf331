-- Run before the migrations: what an older server lacks. PostgreSQL has `uuidv7` from version 18 on. As there, the bits
-- after the milliseconds hold the fraction of the millisecond, so that ids are in the order of their creation.
DO $$
BEGIN
    IF to_regprocedure('uuidv7()') IS NULL THEN
        CREATE FUNCTION uuidv7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $body$
            SELECT encode(substring(int8send(now.us / 1000) FROM 3)
                          || int2send((28672 + now.us % 1000 * 4096 / 1000)::smallint) -- the version, 7, and the fraction
                          || substring(uuid_send(gen_random_uuid()) FROM 9), 'hex')::uuid
              FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us OFFSET 0) now
        $body$;
    END IF;
END $$;
