-- $1 generation
SELECT c.generation AS id
FROM generation_commit AS c
WHERE c.position > coalesce((SELECT d.position FROM generation_commit AS d WHERE d.generation = $1), -1)
