-- after: build_candidate.sql
-- Grants the roles their privileges on all tables and views. Function files grant the privileges on functions. Members of sqern_crawler are
-- members of sqern_writer.
--
-- sqern fetch executes the Makefiles of recorded packages, and a cached index is not verified again. Therefore writers can neither insert
-- nor change packages and crawls.
--
-- Writers cannot insert values of identity columns. Such a value could be that of a later row, whose insert would then fail.
CREATE OR REPLACE FUNCTION privileges_expected() RETURNS TABLE (grantee text, privilege text, target regclass, column_name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH relation AS (
        SELECT c.oid, c.relname AS name
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND c.relowner = 'sqern_admin'::regrole
    ), writable AS (
        SELECT relation.oid, relation.name, written.grantee, written.privileges,
            EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation.oid AND a.attidentity <> '') AS has_identity
        FROM relation
        JOIN (
            SELECT unnest(ARRAY['distro', 'kver', 'kver_seen', 'kver_ignore', 'cust_cluster_type', 'cust_cluster', 'cust_host_kver', 'sp_build',
                                'sp_build_kver', 'sp_test', 'sp_test_kver', 'sp_test_result', 'sp_available_kver']),
                'sqern_writer', ARRAY['INSERT', 'UPDATE']
            UNION ALL
            SELECT unnest(ARRAY['kver_fetched', 'sp_build_lease', 'sp_test_lease', 'sp_build_kver_log', 'sp_test_kver_log']),
                'sqern_writer', ARRAY['INSERT', 'UPDATE', 'DELETE']
            UNION ALL
            SELECT unnest(ARRAY['kver_package', 'crawl']), 'sqern_crawler', ARRAY['INSERT', 'UPDATE']
            UNION ALL
            SELECT unnest(ARRAY['crawl_file', 'crawl_index']), 'sqern_crawler', ARRAY['INSERT', 'UPDATE', 'DELETE']
        ) AS written (name, grantee, privileges) ON written.name = relation.name
    )
    SELECT role.name, 'SELECT', relation.oid::regclass, NULL
    FROM relation CROSS JOIN (VALUES ('sqern_reader'), ('sqern_writer')) AS role (name)
    UNION ALL
    SELECT writable.grantee, privilege, writable.oid::regclass, NULL
    FROM writable CROSS JOIN unnest(writable.privileges) AS privilege
    WHERE NOT (privilege = 'INSERT' AND writable.has_identity)
    UNION ALL
    SELECT writable.grantee, 'INSERT', writable.oid::regclass, a.attname
    FROM writable JOIN pg_attribute a ON a.attrelid = writable.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
    WHERE writable.has_identity
$$;
COMMENT ON FUNCTION privileges_expected() IS 'Returns the privileges of sqern_reader, sqern_writer and sqern_crawler on tables and views. sqern_crawler also has those of sqern_writer. The column is null for a privilege on the whole table.';
REVOKE ALL ON FUNCTION privileges_expected() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION privileges_expected() TO sqern_reader, sqern_writer;

DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT DISTINCT format('REVOKE ALL ON %s FROM PUBLIC, sqern_reader, sqern_writer, sqern_crawler', target) FROM public.privileges_expected()
    LOOP
        EXECUTE command;
    END LOOP;
    FOR command IN
        SELECT format('GRANT %s%s ON %s TO %s', privilege, '(' || string_agg(quote_ident(column_name), ', ') || ')', target, grantee)
        FROM public.privileges_expected()
        GROUP BY privilege, target, grantee
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
