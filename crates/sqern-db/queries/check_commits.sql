SELECT format('generation %s %s', coalesce(c.generation, g.id),
              CASE WHEN c.generation IS NULL THEN 'has no commit' WHEN g.id IS NULL THEN 'has a commit, but does not exist'
                   ELSE 'has events after its commit' END)
FROM generation AS g
FULL JOIN generation_commit AS c ON c.generation = g.id
LEFT JOIN (SELECT generation, max(id) AS last FROM event GROUP BY generation) AS e ON e.generation = c.generation
WHERE c.generation IS NULL OR g.id IS NULL OR e.last > c.position
LIMIT 20
