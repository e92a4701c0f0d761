-- Sends a notification to the followers that wait for one. A follower holds a shared advisory lock while it waits, so a writer that obtains
-- the exclusive lock knows that no follower waits. Most transactions therefore send no notification, which would make their commits
-- wait for each other. Followers also poll, so a lost notification only delays them.
--
-- A transaction with a notification cannot be prepared, and its commit fails if the queue of the server is full. A server with prepared
-- transactions or a queue that is half full therefore gets no notifications.
CREATE OR REPLACE FUNCTION generation_notify(generation bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_try_advisory_lock(7370726, 1) THEN
        PERFORM pg_advisory_unlock(7370726, 1);
    ELSIF current_setting('max_prepared_transactions') = '0' AND pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_notify('sqern_generation', generation::text);
    END IF;
END
$$;
COMMENT ON FUNCTION generation_notify(bigint) IS 'Sends a notification if a follower waits for one. Internal function of generation_record_commit().';
REVOKE ALL ON FUNCTION generation_notify(bigint) FROM PUBLIC;
