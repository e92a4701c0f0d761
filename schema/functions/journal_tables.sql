-- Adds the tables to the journal and generates the functions of each table.
SELECT journal_attach(journaled), journal_attach_at(journaled), journal_begin(journaled)
FROM unnest(ARRAY['distro', 'kver', 'kver_seen', 'kver_fetched', 'kver_ignore', 'kver_package', 'cust_cluster_type', 'cust_cluster',
                  'cust_host_kver', 'sp_build', 'sp_build_kver', 'sp_test', 'sp_test_kver', 'sp_test_result', 'sp_available_kver']::regclass[]) AS journaled;

CREATE OR REPLACE FUNCTION journal_tables() RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.relname::text
    FROM pg_class c
    JOIN pg_proc p ON p.proname = c.relname || '_record' AND p.pronamespace = c.relnamespace
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    ORDER BY 1
$$;
COMMENT ON FUNCTION journal_tables() IS 'Returns the names of the journaled tables: those with a function that journal_attach() generated.';
REVOKE ALL ON FUNCTION journal_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_tables() TO sqern_reader, sqern_writer;
