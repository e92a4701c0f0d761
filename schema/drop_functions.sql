-- Before a migration is taken back: what lies over the tables goes, and sqern db migrate of the program that owns the older
-- version brings its own. Tables keep their data; their triggers go with the functions.
DO $$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT format('DROP VIEW %s CASCADE', oid::regclass) AS command
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
        UNION ALL
        SELECT format('DROP ROUTINE %s CASCADE', oid::regprocedure)
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND classid = 'pg_proc'::regclass AND deptype = 'e')
    LOOP
        BEGIN
            EXECUTE target.command;
        EXCEPTION WHEN undefined_table OR undefined_function THEN
            NULL;  -- went with another one's CASCADE
        END;
    END LOOP;
END
$$;
