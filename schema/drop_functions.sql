-- Before a migration is taken back: what lies over the tables goes, and sqern db migrate of the program that owns the older
-- version brings its own. Tables keep their data; their triggers go with the functions.
DO $$
DECLARE
    -- All of them first: what a CASCADE took has no name any more.
    commands constant text[] := ARRAY(
        SELECT format('DROP VIEW %s CASCADE', oid::regclass)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
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
            NULL;  -- went with another one's CASCADE
        END;
    END LOOP;
END
$$;
