-- Returns the identity of the database, and the end of its journal.
SELECT (SELECT system_identifier FROM pg_control_system()) AS system_identifier,
       (SELECT oid FROM pg_database WHERE datname = current_database()) AS database,
       pg_is_in_recovery() AS standby,
       pg_current_snapshot()::text AS snapshot,
       (SELECT xact::text::bigint FROM generation ORDER BY xact DESC LIMIT 1) AS last_xact
