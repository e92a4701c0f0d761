-- Returns the identity of the database, and the end of its journal.
SELECT (SELECT system_identifier FROM pg_control_system()),
       (SELECT oid FROM pg_database WHERE datname = current_database()),
       pg_is_in_recovery(),
       pg_current_snapshot()::text,
       (SELECT xact::text::bigint FROM generation ORDER BY xact DESC LIMIT 1)
