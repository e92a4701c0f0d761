-- $1 distro, $2 version. Returns the generation that recorded a kernel last.
SELECT g.id AS generation, g.tstamp AS at, g.username, g.comment
FROM event AS e
JOIN generation AS g ON g.id = e.generation
WHERE e.table_name = 'kver' AND e.action = 'insert' AND e.pkey ->> 'distro' = $1::text AND e.pkey ->> 'version' = $2::text
ORDER BY e.id DESC
LIMIT 1
