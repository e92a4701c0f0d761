SELECT format('generation %s has transaction ID %s, but the next transaction ID of the server is %s: the database was restored from another server; '
              'advance the transaction IDs: %s', id, xact,
              pg_snapshot_xmax(pg_current_snapshot()),
              'DO $$ BEGIN WHILE pg_current_xact_id() <= (SELECT max(xact) FROM generation) LOOP COMMIT; END LOOP; END $$')
FROM generation
WHERE xact >= pg_snapshot_xmax(pg_current_snapshot())
ORDER BY xact DESC
LIMIT 1
