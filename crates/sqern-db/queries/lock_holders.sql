-- Returns the other sessions that hold locks on tables of the schema.
SELECT DISTINCT format('process %s (user %s, application %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'unknown'))
FROM pg_locks AS l
JOIN pg_class AS c ON c.oid = l.relation AND c.relnamespace = 'public'::regnamespace
JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.pid <> pg_backend_pid()
WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
