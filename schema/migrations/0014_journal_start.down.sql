DROP TABLE journal_baseline, journal_start;

-- PUBLIC and sqern_reader get the privileges that schema/restrictions.sql revoked.
RESET ROLE;
DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC, sqern_reader', d.datname)
        FROM pg_database AS d
        WHERE d.datname = current_database() AND pg_has_role(d.datdba, 'USAGE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', p.oid::regprocedure)
        FROM pg_proc AS p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND pg_has_role(p.proowner, 'USAGE')
          AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lo_truncate', 'lo_truncate64', 'lowrite')
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
