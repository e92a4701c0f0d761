-- Each of sqern's roles: its name, whether it is there, and whether the session has its rights.
SELECT wanted.name, role.oid IS NOT NULL AS exists, coalesce(pg_has_role(role.oid, 'USAGE'), false) AS held
FROM (VALUES ('sqern_reader'), ('sqern_writer'), ('sqern_admin')) AS wanted (name)
LEFT JOIN pg_roles AS role ON role.rolname = wanted.name
