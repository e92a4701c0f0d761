-- $1 position, exclusive. The generations after it can have events with lower IDs.
WITH first AS (
    SELECT least($1, min(first_event) - 1) AS id FROM generation_commit WHERE position > $1
)
SELECT format('event %s: table %s, key %s does not start from the state that the previous event left', broken.id, name, broken.pkey)
FROM first CROSS JOIN journal_tables() AS name CROSS JOIN LATERAL journal_broken_chains(name, after => coalesce(first.id, $1)) AS broken
LIMIT 20
