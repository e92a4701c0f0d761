-- $1 newest delivered generation, $2 its start time in microseconds (null: no generation was delivered)
-- Returns the identity of the database, the end of its journal, and whether the generation exists.
SELECT here.system_identifier,
       (SELECT oid FROM pg_database WHERE datname = current_database()) AS database,
       pg_is_in_recovery() AS standby,
       pg_current_snapshot()::text AS snapshot,
       (SELECT g.xact::text::bigint FROM generation AS g
        WHERE g.epoch = (SELECT e.id FROM generation_epoch AS e WHERE e.system_identifier = here.system_identifier)
        ORDER BY g.xact DESC LIMIT 1) AS last_xact,
       newest.id AS newest_id,
       newest.microseconds AS newest_microseconds,
       $1::bigint IS NULL OR EXISTS (
           SELECT FROM generation AS g WHERE g.id = $1 AND (extract(epoch FROM g.tstamp) * 1000000)::bigint = $2::bigint) AS is_known
FROM (SELECT system_identifier FROM pg_control_system()) AS here
LEFT JOIN (
    SELECT g.id, (extract(epoch FROM g.tstamp) * 1000000)::bigint AS microseconds
    FROM generation_commit AS c JOIN generation AS g ON g.id = c.generation
    ORDER BY c.position DESC
    LIMIT 1
) AS newest ON true
