SELECT format('table %s: trigger %s is %s', journalled.name, wanted.name,
              CASE WHEN t.tgenabled IS NULL THEN 'missing' ELSE 'not enabled' END)
FROM unnest(ARRAY['distro', 'kver', 'kver_seen', 'kver_fetched', 'kver_ignore', 'cust_cluster', 'cust_host_kver', 'sp_build',
                  'sp_build_kver', 'sp_test', 'sp_test_kver', 'sp_test_result', 'sp_available_kver']) AS journalled (name)
CROSS JOIN LATERAL (VALUES (journalled.name || '_record_trigger'), (journalled.name || '_record_trigger_update'),
                           (journalled.name || '_record_trigger_delete'), (journalled.name || '_record_trigger_truncate')) AS wanted (name)
LEFT JOIN pg_trigger AS t ON t.tgrelid = to_regclass('public.' || journalled.name) AND t.tgname = wanted.name
WHERE t.tgenabled IS NULL OR t.tgenabled NOT IN ('O', 'A')
