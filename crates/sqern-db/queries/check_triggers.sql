SELECT format('table %s: trigger %s is %s', journaled.name, wanted.name,
              CASE WHEN t.tgenabled IS NULL THEN 'missing' ELSE 'disabled' END)
FROM journal_tables() AS journaled (name)
CROSS JOIN LATERAL (VALUES (journaled.name || '_record_trigger'), (journaled.name || '_record_trigger_update'),
                           (journaled.name || '_record_trigger_delete'), (journaled.name || '_record_trigger_truncate')) AS wanted (name)
LEFT JOIN pg_trigger AS t ON t.tgrelid = to_regclass('public.' || journaled.name) AND t.tgname = wanted.name
WHERE t.tgenabled IS NULL OR t.tgenabled NOT IN ('O', 'A')
