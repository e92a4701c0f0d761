-- Drops the views, functions and comments before a migration is reverted. sqern db migrate of the older version then creates those of its
-- version. Tables keep their data. Their triggers are dropped with the functions.
DO $$
DECLARE
    -- All commands are built first, because an object that CASCADE dropped no longer has a name.
    commands constant text[] := ARRAY(
        SELECT format('DROP VIEW %s CASCADE', oid::regclass)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
        UNION ALL
        SELECT format('COMMENT ON ' || CASE WHEN attname IS NULL THEN 'TABLE %s' ELSE 'COLUMN %s.%I' END || ' IS NULL', c.oid::regclass, attname)
        FROM pg_class c
        JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND a.attnum > 0
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relowner = 'sqern_admin'::regrole
        UNION ALL
        SELECT format('DROP ROUTINE %s CASCADE', oid::regprocedure)
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND classid = 'pg_proc'::regclass AND deptype = 'e')
    );
    command text;
BEGIN
    FOREACH command IN ARRAY commands LOOP
        BEGIN
            EXECUTE command;
        EXCEPTION WHEN undefined_table OR undefined_function THEN
            NULL;  -- dropped by the CASCADE of another object
        END;
    END LOOP;
END
$$;
