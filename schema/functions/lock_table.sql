-- Locks a table against other writers until the end of the transaction. Only a role that may write to the table can lock it. An advisory lock
-- could be held by every role that can connect.
CREATE OR REPLACE FUNCTION lock_table(target regclass, seconds integer DEFAULT 30) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    previous constant text := current_setting('lock_timeout');
    holders text;
BEGIN
    PERFORM set_config('lock_timeout', seconds * 1000 || 'ms', true);
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', target);
    PERFORM set_config('lock_timeout', previous, true);
EXCEPTION WHEN lock_not_available THEN
    SELECT string_agg(DISTINCT format('process %s (user %s, application %s)', a.pid, a.usename, coalesce(nullif(a.application_name, ''), 'unknown')), ', ')
    INTO holders
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.relation = target AND l.granted AND l.pid <> pg_backend_pid() AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RAISE lock_not_available USING
        MESSAGE = format('could not lock table %s within %s s', (SELECT relname FROM pg_class WHERE oid = target), seconds),
        DETAIL = coalesce('It is locked by ' || holders || '.', 'The session that held the lock has ended.'),
        HINT = 'Nothing was changed. Run the command again when the other session has finished.';
END
$$;
COMMENT ON FUNCTION lock_table(regclass, integer) IS 'Locks a table against other writers until the end of the transaction. If another session holds a lock for longer than the number of seconds, raises an error that names it.';
REVOKE ALL ON FUNCTION lock_table(regclass, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_table(regclass, integer) TO sqern_writer;
