DROP TABLE schema_function, schema_migration;

REVOKE ALL ON SCHEMA public FROM sqern_admin, sqern_writer, sqern_reader;

DO $$
DECLARE
    role text;
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM sqern_admin, sqern_writer, sqern_reader', current_database());
    FOREACH role IN ARRAY ARRAY['sqern_reader', 'sqern_writer', 'sqern_admin'] LOOP
        BEGIN
            EXECUTE format('DROP ROLE %I', role);
        EXCEPTION WHEN dependent_objects_still_exist OR undefined_object OR object_in_use OR insufficient_privilege THEN
            NULL;  -- another database of the cluster still needs it
        END;
    END LOOP;
END
$$;
