-- The owner of the tables and functions must be sqern_admin, and each role must have exactly its privileges. A restore without owners or
-- privileges loses them.
WITH object AS (
    SELECT c.oid, c.relname AS name, c.relowner AS owner, c.relacl AS acl
    FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
      AND (c.relowner = 'sqern_admin'::regrole OR c.relname IN (SELECT unnest(ARRAY['schema_migration', 'generation', 'event']))
           OR EXISTS (SELECT FROM journal_tables() AS journaled WHERE journaled = c.relname))
), routine AS (
    SELECT p.oid::regprocedure::text AS name, p.proowner AS owner, p.proacl AS acl
    FROM pg_proc AS p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e')
), granted AS (
    SELECT acl.grantee, acl.privilege_type AS privilege, object.oid AS target, NULL::text AS column_name
    FROM object CROSS JOIN LATERAL aclexplode(coalesce(object.acl, acldefault('r', object.owner))) AS acl
    UNION ALL
    SELECT acl.grantee, acl.privilege_type, a.attrelid, a.attname::text
    FROM object JOIN pg_attribute AS a ON a.attrelid = object.oid AND NOT a.attisdropped CROSS JOIN LATERAL aclexplode(a.attacl) AS acl
), actual AS (
    SELECT CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE role.rolname::text END AS grantee, granted.privilege, granted.target, granted.column_name
    FROM granted LEFT JOIN pg_roles AS role ON role.oid = granted.grantee
    WHERE granted.grantee = 0 OR role.rolname IN ('sqern_reader', 'sqern_writer', 'sqern_crawler')
), difference AS (
    SELECT coalesce(actual.grantee, expected.grantee) AS grantee, coalesce(actual.privilege, expected.privilege) AS privilege,
        coalesce(actual.target, expected.target) AS target, coalesce(actual.column_name, expected.column_name) AS column_name,
        actual.grantee IS NULL AS is_missing
    FROM actual
    FULL JOIN privileges_expected() AS expected
        ON expected.grantee = actual.grantee AND expected.privilege = actual.privilege AND expected.target = actual.target
        AND coalesce(expected.column_name, '') = coalesce(actual.column_name, '')
    WHERE actual.grantee IS NULL OR expected.grantee IS NULL
)
SELECT format('owned by %s instead of sqern_admin: %s', object.owner::regrole, string_agg(object.name, ', ' ORDER BY object.name))
FROM object
WHERE object.owner <> 'sqern_admin'::regrole
GROUP BY object.owner
UNION ALL
SELECT format('owned by %s instead of sqern_admin: functions %s', routine.owner::regrole, string_agg(routine.name, ', ' ORDER BY routine.name))
FROM routine
WHERE routine.owner <> 'sqern_admin'::regrole
GROUP BY routine.owner
UNION ALL
SELECT format('all roles can execute functions %s', string_agg(routine.name, ', ' ORDER BY routine.name))
FROM routine CROSS JOIN LATERAL aclexplode(coalesce(routine.acl, acldefault('f', routine.owner))) AS acl
WHERE acl.grantee = 0
HAVING count(*) > 0
UNION ALL
SELECT format('role %s %s privilege %s on table %s', grantee, CASE WHEN is_missing THEN 'lacks' ELSE 'has' END, privilege, target::regclass)
FROM difference
GROUP BY grantee, is_missing, privilege, target
UNION ALL
SELECT 'role sqern_crawler is not a member of sqern_writer'
WHERE NOT EXISTS (SELECT FROM pg_roles AS crawler JOIN pg_roles AS writer ON writer.rolname = 'sqern_writer'
                  WHERE crawler.rolname = 'sqern_crawler' AND pg_has_role(crawler.oid, writer.oid, 'USAGE'))
UNION ALL
SELECT format('role %s lacks privilege CONNECT on database %s', role.name, current_database())
FROM (VALUES ('sqern_reader'), ('sqern_writer')) AS role (name)
WHERE NOT has_database_privilege(role.name, current_database(), 'CONNECT')
UNION ALL
SELECT format('role %s lacks privilege USAGE on schema public', role.name)
FROM (VALUES ('sqern_reader'), ('sqern_writer')) AS role (name)
WHERE NOT has_schema_privilege(role.name, 'public', 'USAGE')
UNION ALL
SELECT 'all roles can create functions in schema public, which the journal functions could call with their privileges'
FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS acl
WHERE nspname = 'public' AND acl.grantee = 0 AND acl.privilege_type = 'CREATE'
