SELECT format('sequence %s is at %s, but its table contains %s', sequence, last_value, highest)
FROM sequences_behind()
