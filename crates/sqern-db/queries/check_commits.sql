SELECT format('generation %s %s', coalesce(c.generation, g.id),
              CASE WHEN c.generation IS NULL THEN 'has no commit' WHEN g.id IS NULL THEN 'has a commit, but does not exist'
                   WHEN e.last > c.position THEN 'has events after its commit'
                   ELSE format('has a commit with first event %s, but its first event is %s', coalesce(c.first_event::text, '(none)'), coalesce(e.first::text, '(none)')) END)
FROM generation AS g
FULL JOIN generation_commit AS c ON c.generation = g.id
LEFT JOIN (SELECT generation, min(id) AS first, max(id) AS last FROM event GROUP BY generation) AS e ON e.generation = c.generation
WHERE c.generation IS NULL OR g.id IS NULL OR e.last > c.position OR c.first_event IS DISTINCT FROM e.first
LIMIT 20
