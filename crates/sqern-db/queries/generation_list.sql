-- $1 how many at the most, $2 the id of just one or null
SELECT g.id, g.tstamp, g.username, g.ipaddr, g.comment, (SELECT count(*) FROM event WHERE event.generation = g.id) AS events
FROM generation AS g
WHERE $2::bigint IS NULL OR g.id = $2
ORDER BY g.id DESC
LIMIT $1
