-- $1 position, exclusive
SELECT format('generation %s has a commit, but %s', c.generation, CASE WHEN g.id IS NULL THEN 'does not exist' ELSE 'has events after its commit' END)
FROM generation_commit AS c
LEFT JOIN generation AS g ON g.id = c.generation
LEFT JOIN LATERAL (SELECT e.id FROM event AS e WHERE e.generation = c.generation ORDER BY e.id DESC LIMIT 1) AS last ON true
WHERE c.position > $1 AND (g.id IS NULL OR last.id > c.position)
UNION ALL
SELECT format('generation %s has no commit', g.id)
FROM (SELECT DISTINCT e.generation FROM event AS e WHERE e.id > $1) AS new
JOIN generation AS g ON g.id = new.generation
WHERE NOT EXISTS (SELECT FROM generation_commit AS c WHERE c.generation = g.id)
LIMIT 20
