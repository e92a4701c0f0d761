-- $1 generations, $2 tables (null: all)
SELECT generation, id, table_name, action, pkey, fields, old, tstamp
FROM event
WHERE generation = ANY ($1)
  AND ($2::text[] IS NULL OR table_name = ANY ($2))
ORDER BY generation, id
