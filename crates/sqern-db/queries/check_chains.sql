SELECT format('event %s: table %s, key %s does not start from the state that the previous event left', broken.id, name, broken.pkey)
FROM journal_tables() AS name CROSS JOIN LATERAL journal_broken_chains(name) AS broken
LIMIT 20
