-- Temporary tables are for writers: loads of customer reports and reverts require them. A restore into a new database loses these privileges.
WITH privilege AS (
    SELECT acl.grantee
    FROM pg_database AS d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS acl
    WHERE d.datname = current_database() AND acl.privilege_type = 'TEMPORARY'
)
SELECT format('%s can create temporary tables in database %s (repair: sqern db migrate)', role.name, current_database())
FROM (VALUES (0::oid, 'every role'), ('sqern_reader'::regrole::oid, 'role sqern_reader')) AS role (oid, name)
WHERE role.oid IN (SELECT grantee FROM privilege)
UNION ALL
SELECT format('role %s lacks privilege TEMPORARY on database %s (repair: sqern db migrate)', role, current_database())
FROM unnest(ARRAY['sqern_admin', 'sqern_writer']::regrole[]) AS role
WHERE role::oid NOT IN (SELECT grantee FROM privilege)
  AND role::oid <> (SELECT datdba FROM pg_database WHERE datname = current_database())
