-- $1 maximum number of rows, $2 id (null: all), $3 generation, exclusive (null: all)
SELECT g.id, g.tstamp, g.username, g.ipaddr, g.comment, (SELECT count(*) FROM event WHERE event.generation = g.id) AS events
FROM generation AS g
WHERE ($2::bigint IS NULL OR g.id = $2)
  AND ($3::bigint IS NULL OR g.id IN (SELECT c.generation FROM generation_commit AS c WHERE c.position > generation_position($3)))
ORDER BY g.id DESC
LIMIT $1
