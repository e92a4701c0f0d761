-- $1 maximum number of rows, $2 id (null: all)
SELECT g.id, g.tstamp, g.username, g.ipaddr, g.comment, (SELECT count(*) FROM event WHERE event.generation = g.id) AS events
FROM generation AS g
WHERE $2::bigint IS NULL OR g.id = $2
ORDER BY g.id DESC
LIMIT $1
