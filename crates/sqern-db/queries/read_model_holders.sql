-- Returns the other sessions that lock the read model, without those that wait for a lock.
SELECT DISTINCT format('process %s (user %s, application %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'unknown'))
FROM pg_locks AS l
JOIN pg_stat_activity AS a ON a.pid = l.pid AND a.pid <> pg_backend_pid()
WHERE l.granted AND l.mode <> 'AccessShareLock'
  AND l.relation IN ('public.kver_state_position'::regclass, 'public.kver_state'::regclass, 'public.kver_state_count'::regclass,
                     'public.host_state'::regclass, 'public.host_state_count'::regclass)
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND NOT EXISTS (SELECT FROM pg_locks AS waiting WHERE waiting.pid = l.pid AND NOT waiting.granted)
