-- $1 table or null, $2 generation or null, $3 part of the key or null, $4 maximum number of rows,
-- $5 generation, exclusive (null: all)
SELECT id, generation, tstamp, table_name, action, pkey, fields, old
FROM event
WHERE ($1::text IS NULL OR table_name = $1)
  AND ($2::bigint IS NULL OR generation = $2)
  AND ($3::jsonb IS NULL OR pkey @> $3)
  AND ($5::bigint IS NULL
       OR generation IN (SELECT c.generation FROM generation_commit AS c WHERE c.position > generation_position($5)))
ORDER BY generation DESC, id DESC
LIMIT $4
