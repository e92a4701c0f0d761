-- $1 position, exclusive
SELECT format('%s %s: the journal contains %s, the table contains %s', table_name, pkey, coalesce(journal::text, 'no row'),
              coalesce(present::text, 'no row'))
FROM journal_differences_after($1)
LIMIT 20
