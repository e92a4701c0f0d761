-- $1 distro, $2 version. Returns the generation that recorded a kernel last.
SELECT g.id AS generation, g.tstamp AS at, g.username, g.comment
FROM event AS e
JOIN generation AS g ON g.id = e.generation
WHERE e.table_name = 'kver' AND e.action = 'insert' AND e.pkey = jsonb_build_object('distro', $1::text, 'version', $2::text)
  AND jsonb_hash_extended(e.pkey, 0) = jsonb_hash_extended(jsonb_build_object('distro', $1::text, 'version', $2::text), 0)
ORDER BY e.id DESC
LIMIT 1
