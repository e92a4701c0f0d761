-- $1 position, exclusive
SELECT format('event %s belongs to generation %s, which does not exist', event.id, event.generation)
FROM event
WHERE event.id > $1 AND NOT EXISTS (SELECT FROM generation WHERE generation.id = event.generation)
LIMIT 20
