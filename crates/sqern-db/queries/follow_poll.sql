-- $1 pg_snapshot in which all delivered generations of this server are visible, $2 tables (null: all), $3 newest delivered generation (null: none)
-- A condition "NOT pg_visible_in_snapshot(xact, $1)" for all transactions after its xmin has the same result. But each poll would then read
-- all generations since the start of the oldest open transaction again, even if this transaction is in another database.
-- Generations of other servers precede those of this server, and have no transaction ID here.
WITH here AS (
    SELECT id FROM generation_epoch WHERE system_identifier = (SELECT system_identifier FROM pg_control_system())
), fresh AS (
    SELECT id, tstamp, xact
    FROM generation
    WHERE xact >= pg_snapshot_xmax($1::text::pg_snapshot) AND epoch = (SELECT id FROM here)
    UNION ALL
    SELECT g.id, g.tstamp, g.xact
    FROM pg_snapshot_xip($1::text::pg_snapshot) AS open (xact)
    JOIN generation AS g ON g.xact = open.xact AND g.epoch = (SELECT id FROM here)
    UNION ALL
    SELECT g.id, g.tstamp, NULL
    FROM generation_commit AS c
    JOIN generation AS g ON g.id = c.generation AND g.epoch IS DISTINCT FROM (SELECT id FROM here)
    WHERE c.position > coalesce((SELECT d.position FROM generation_commit AS d WHERE d.generation = $3::bigint), -1)
)
SELECT pg_current_snapshot()::text AS snapshot, fresh.id AS generation, (extract(epoch FROM fresh.tstamp) * 1000000)::bigint AS microseconds,
    fresh.xact::text::bigint AS xact, events.wanted AS events
FROM (VALUES (true)) AS always
LEFT JOIN (
    fresh
    LEFT JOIN generation_commit ON generation_commit.generation = fresh.id
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE $2::text[] IS NULL OR event.table_name = ANY ($2)) AS wanted
        FROM event
        WHERE event.generation = fresh.id
    ) AS events
) ON true
ORDER BY generation_commit.position, fresh.id
