-- Makes sqern_admin the owner of all tables, views and functions, and grants the roles access to the database and the schema. A restore
-- without owners or privileges loses them: all objects then have the owner of the table schema_migration. sqern db migrate runs this file
-- before its other steps.
DO $$
DECLARE
    restored_by constant oid := (SELECT relowner FROM pg_class WHERE oid = 'public.schema_migration'::regclass);
    command text;
BEGIN
    FOR command IN
        SELECT format('ALTER TABLE %s OWNER TO sqern_admin', c.oid::regclass)
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND c.relowner = restored_by AND restored_by <> 'sqern_admin'::regrole
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO sqern_admin', p.oid::regprocedure)
        FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.proowner = restored_by AND restored_by <> 'sqern_admin'::regrole
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
        UNION ALL
        SELECT format('GRANT CONNECT ON DATABASE %I TO sqern_reader, sqern_writer', current_database())
        WHERE NOT (has_database_privilege('sqern_reader', current_database(), 'CONNECT') AND has_database_privilege('sqern_writer', current_database(), 'CONNECT'))
        UNION ALL
        SELECT 'GRANT USAGE ON SCHEMA public TO sqern_reader, sqern_writer'
        WHERE NOT (has_schema_privilege('sqern_reader', 'public', 'USAGE') AND has_schema_privilege('sqern_writer', 'public', 'USAGE'))
        UNION ALL
        SELECT 'GRANT USAGE, CREATE ON SCHEMA public TO sqern_admin'
        WHERE NOT has_schema_privilege('sqern_admin', 'public', 'CREATE')
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
