SELECT format('%s %s: the journal says %s, the table %s', table_name, pkey, coalesce(journal::text, 'there is none'),
              coalesce(present::text, 'has none'))
FROM journal_differences()
LIMIT 20
