SELECT format('role %s has privilege %s on table %s', role.name, privilege.name, guarded.name)
FROM (VALUES ('sqern_reader'), ('sqern_writer')) AS role (name)
CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS privilege (name)
CROSS JOIN (VALUES ('event'), ('generation'), ('kver_ignored'), ('schema_migration'), ('schema_function')) AS guarded (name)
WHERE has_table_privilege(role.name, 'public.' || guarded.name, privilege.name)
UNION ALL
SELECT 'all roles can create functions in schema public, which the journal functions could call with their privileges'
FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS granted
WHERE nspname = 'public' AND granted.grantee = 0 AND granted.privilege_type = 'CREATE'
