-- $1 generations
SELECT g.id, g.tstamp, g.username, g.ipaddr, g.comment, c.position, c.committed_at
FROM generation AS g
LEFT JOIN generation_commit AS c ON c.generation = g.id
WHERE g.id = ANY ($1)
