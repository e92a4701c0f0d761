SELECT format('event %s belongs to generation %s, which does not exist', event.id, event.generation)
FROM event
WHERE NOT EXISTS (SELECT FROM generation WHERE generation.id = event.generation)
LIMIT 20
