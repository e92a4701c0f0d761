-- A new epoch starts with the first change on another server.
SELECT format('generation %s has transaction ID %s, but the next transaction ID of the server is %s', g.id, g.xact,
              pg_snapshot_xmax(pg_current_snapshot()))
FROM generation AS g
JOIN generation_epoch AS e ON e.id = g.epoch AND e.system_identifier = (SELECT system_identifier FROM pg_control_system())
WHERE g.xact >= pg_snapshot_xmax(pg_current_snapshot())
ORDER BY g.xact DESC
LIMIT 1
