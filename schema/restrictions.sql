-- Revokes the privileges that let readers store data: temporary tables, and large objects, which every dump of the database contains. By
-- default, PUBLIC has both. Loads of customer reports and reverts require temporary tables. sqern db migrate runs this file after its other
-- steps.
--
-- Only the owner of the database can revoke privileges on it, and only a superuser those on functions of PostgreSQL. Other roles skip these
-- statements. Missing privileges and restrictions are reported by sqern db check (check_restrictions.sql) and sqern doctor.
DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT statement.command
        FROM pg_database AS d,
            (VALUES ('GRANT TEMPORARY ON DATABASE %I TO sqern_admin, sqern_writer'), ('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, sqern_reader'))
                AS template (text)
            CROSS JOIN LATERAL (SELECT format(template.text, current_database()) AS command) AS statement
        WHERE d.datname = current_database() AND pg_has_role(d.datdba, 'USAGE')
        UNION ALL
        SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.signature)
        FROM public.large_object_functions() AS f (signature)
        JOIN pg_proc AS p ON p.oid = f.signature
        WHERE pg_has_role(p.proowner, 'USAGE')
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
