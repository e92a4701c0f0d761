-- Returns the name of each role of sqern, whether the role exists, and whether the session has its privileges.
SELECT wanted.name, role.oid IS NOT NULL AS exists, coalesce(pg_has_role(role.oid, 'USAGE'), false) AS held
FROM (VALUES ('sqern_reader'), ('sqern_writer'), ('sqern_crawler'), ('sqern_admin')) AS wanted (name)
LEFT JOIN pg_roles AS role ON role.rolname = wanted.name
