CREATE OR REPLACE FUNCTION large_object_functions() RETURNS SETOF regprocedure
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p.oid::regprocedure
    FROM pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace
      AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put', 'lo_truncate', 'lo_truncate64', 'lowrite')
      AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS acl WHERE acl.grantee = 0)
    ORDER BY p.oid::regprocedure::text
$$;
COMMENT ON FUNCTION large_object_functions() IS 'Returns the functions of PostgreSQL with which every role can store large objects. A superuser can revoke the privilege to execute them.';
REVOKE ALL ON FUNCTION large_object_functions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION large_object_functions() TO sqern_reader, sqern_writer;
