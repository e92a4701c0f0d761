SELECT format('generation %s is of transaction %s, and the server has counted to %s: it was restored from another one; type: %s', id, xact,
              pg_snapshot_xmax(pg_current_snapshot()),
              'DO $$ BEGIN WHILE pg_current_xact_id() <= (SELECT max(xact) FROM generation) LOOP COMMIT; END LOOP; END $$')
FROM generation
WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())
ORDER BY xact DESC
LIMIT 1
