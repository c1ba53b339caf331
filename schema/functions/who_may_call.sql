-- Functions that run with the rights of their owner may be called by Fairway's own roles only. PostgreSQL lets every role call a
-- new function, and whoever can log in can set the tenant that such functions trust. This file is run after all others.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', function);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO fairway_api, fairway_worker', function);
    END LOOP;
    REVOKE EXECUTE ON FUNCTION replace_dataset_view(uuid, uuid, text, text, jsonb) FROM fairway_api;
END $$;
