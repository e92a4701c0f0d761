-- $1 pg_snapshot in which all delivered generations are visible, $2 tables (null: all)
-- A condition "NOT pg_visible_in_snapshot(xact, $1)" for all transactions after its xmin has the same result. But each poll would then read
-- all generations since the start of the oldest open transaction again, even if this transaction is in another database.
WITH fresh AS (
    SELECT id, xact
    FROM generation
    WHERE xact >= pg_snapshot_xmax($1::text::pg_snapshot)
    UNION ALL
    SELECT generation.id, generation.xact
    FROM pg_snapshot_xip($1::text::pg_snapshot) AS open (xact)
    JOIN generation ON generation.xact = open.xact
)
SELECT pg_current_snapshot()::text AS snapshot, fresh.id AS generation, fresh.xact::text::bigint AS xact, events.wanted AS events
FROM (VALUES (true)) AS always
LEFT JOIN (
    fresh
    CROSS JOIN LATERAL (
        SELECT max(event.id) AS last, count(*) FILTER (WHERE $2::text[] IS NULL OR event.table_name = ANY ($2)) AS wanted
        FROM event
        WHERE event.generation = fresh.id
    ) AS events
) ON true
ORDER BY events.last NULLS FIRST, fresh.id
