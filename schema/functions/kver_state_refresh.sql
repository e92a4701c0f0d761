-- after: kver_status_of.sql
-- Updates the read model from the journal.
--
-- The stored position is a snapshot of transactions. The generations that are visible now, but not in this snapshot, name the kernels and
-- hosts that changed. Their rows are computed again from the tables, so the order of the generations does not matter, and repeating a call
-- changes nothing. Snapshots of another server are not comparable (generation_epoch), so after a restore everything is computed.
--
-- The new position is taken before the tables are read. Rows that change in between are newer than the position, and are computed again by
-- the next call. Readers use the read model only if no generation is visible to them that is not in its position (kver_state_waiting()), so
-- they cannot see such a row. In a REPEATABLE READ transaction, the read model equals the tables as of the snapshot of the transaction.
--
-- Calls wait for each other. Changes of the journaled tables do not wait for calls.
CREATE OR REPLACE FUNCTION kver_state_refresh(max_rows bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stored public.kver_state_position;
    current_epoch constant integer := public.generation_epoch();
    seen pg_snapshot;
    newest bigint;
    waiting bigint[];
    kernels record;
    hosts record;
BEGIN
    IF public.generation_id_if_assigned() IS NOT NULL THEN
        RAISE active_sql_transaction USING
            MESSAGE = 'cannot refresh the read model in a transaction that has changed journaled tables',
            HINT = 'Commit the changes first.';
    END IF;
    SELECT * INTO stored FROM public.kver_state_position FOR UPDATE;
    seen := public.kver_state_snapshot();
    SELECT coalesce((SELECT c.generation FROM public.generation_commit c ORDER BY c.position DESC LIMIT 1), 0) INTO newest;
    IF stored.epoch IS DISTINCT FROM current_epoch THEN
        IF max_rows IS NOT NULL THEN
            RETURN NULL;
        END IF;
        RETURN public.kver_state_refill();
    END IF;

    SELECT coalesce(array_agg(w.generation), '{}') INTO waiting FROM public.kver_state_waiting() AS w (generation);
    IF waiting = '{}' THEN
        RETURN 0;
    END IF;
    IF max_rows IS NOT NULL AND (SELECT count(*) FROM public.event e WHERE e.generation = ANY (waiting)) > 10 * max_rows THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(t.distro) AS distros, array_agg(t.version) AS versions INTO kernels FROM public.kver_state_affected(waiting) AS t;
    SELECT array_agg(t.cluster_name) AS clusters, array_agg(t.host_name) AS names INTO hosts FROM public.host_state_affected(waiting) AS t;
    IF coalesce(cardinality(kernels.distros), 0) + coalesce(cardinality(hosts.clusters), 0) > max_rows THEN
        RETURN NULL;
    END IF;
    IF kernels.distros IS NOT NULL THEN
        PERFORM public.kver_state_renew(kernels.distros, kernels.versions);
    END IF;
    IF hosts.clusters IS NOT NULL THEN
        PERFORM public.host_state_renew(hosts.clusters, hosts.names);
    END IF;
    UPDATE public.kver_state_position SET snapshot = seen, generation = newest, refreshed_at = clock_timestamp();
    RETURN coalesce(cardinality(kernels.distros), 0);
END
$$;
COMMENT ON FUNCTION kver_state_refresh(bigint) IS 'Updates the read model (kver_state, kver_state_count, host_state, host_state_count) from the journal. Returns the number of kernels that were computed. If max_rows is not null, and more kernels and hosts have changed or the read model was never filled on this server, changes nothing and returns null.';
REVOKE ALL ON FUNCTION kver_state_refresh(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_state_refresh(bigint) TO sqern_writer;

-- The rows are deleted, because TRUNCATE would lock out readers.
CREATE OR REPLACE FUNCTION kver_state_refill() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen pg_snapshot;
    newest bigint;
    current_epoch constant integer := public.generation_epoch();
BEGIN
    IF public.generation_id_if_assigned() IS NOT NULL THEN
        RAISE active_sql_transaction USING
            MESSAGE = 'cannot refresh the read model in a transaction that has changed journaled tables',
            HINT = 'Commit the changes first.';
    END IF;
    -- Concurrent calls wait for the row, or for the key of a row that the other call inserts.
    INSERT INTO public.kver_state_position (epoch, snapshot, generation, refreshed_at)
    VALUES (current_epoch, pg_current_snapshot(), 0, clock_timestamp())
    ON CONFLICT (singleton) DO UPDATE SET refreshed_at = excluded.refreshed_at;
    seen := public.kver_state_snapshot();
    SELECT coalesce((SELECT c.generation FROM public.generation_commit c ORDER BY c.position DESC LIMIT 1), 0) INTO newest;
    DELETE FROM public.kver_state;
    DELETE FROM public.kver_state_count;
    DELETE FROM public.host_state;
    DELETE FROM public.host_state_count;
    PERFORM public.kver_state_renew(array_agg(k.distro), array_agg(k.version)) FROM public.kver k;
    PERFORM public.host_state_renew(array_agg(h.cluster_name), array_agg(h.host_name))
    FROM (SELECT DISTINCT cluster_name, host_name FROM public.cust_host_kver WHERE deleted_at = '-infinity') AS h;
    UPDATE public.kver_state_position SET epoch = current_epoch, snapshot = seen, generation = newest, refreshed_at = clock_timestamp();
    RETURN (SELECT count(*) FROM public.kver_state);
END
$$;
COMMENT ON FUNCTION kver_state_refill() IS 'Computes all rows of the read model again. Returns the number of kernels.';
REVOKE ALL ON FUNCTION kver_state_refill() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_state_refill() TO sqern_writer;

-- pg_current_snapshot() does not list the transaction of the caller as in progress. It would contain later changes of this transaction.
CREATE OR REPLACE FUNCTION kver_state_snapshot() RETURNS pg_snapshot
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN own >= pg_snapshot_xmax(taken) THEN taken
        ELSE format('%s:%s:%s', least(pg_snapshot_xmin(taken), own), pg_snapshot_xmax(taken),
                    (SELECT string_agg(xact::text, ',' ORDER BY xact)
                     FROM (SELECT pg_snapshot_xip(taken) UNION SELECT own) AS open (xact)))::pg_snapshot
    END
    FROM (SELECT pg_current_snapshot() AS taken, pg_current_xact_id() AS own) AS current
$$;
COMMENT ON FUNCTION kver_state_snapshot() IS 'Returns the current snapshot, in which the transaction of the caller is in progress. Internal function of the read model.';
REVOKE ALL ON FUNCTION kver_state_snapshot() FROM PUBLIC;

CREATE OR REPLACE FUNCTION kver_state_waiting() RETURNS SETOF bigint
LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $$
    SELECT g.id
    FROM public.generation g
    WHERE g.epoch = (SELECT epoch FROM public.kver_state_position)
      AND g.xact >= (SELECT pg_snapshot_xmax(snapshot) FROM public.kver_state_position)
    UNION ALL
    SELECT g.id
    FROM pg_snapshot_xip((SELECT snapshot FROM public.kver_state_position)) AS open (xact)
    JOIN public.generation g ON g.xact = open.xact AND g.epoch = (SELECT epoch FROM public.kver_state_position)
    UNION ALL
    -- Generations of other servers, which logical replication adds.
    SELECT g.id
    FROM public.generation_commit c
    JOIN public.generation g ON g.id = c.generation AND g.epoch <> (SELECT epoch FROM public.kver_state_position)
    WHERE c.position > coalesce((SELECT d.position FROM public.generation_commit d
                                 JOIN public.kver_state_position p ON p.generation = d.generation), -1)
$$;
COMMENT ON FUNCTION kver_state_waiting() IS 'Returns the visible generations that the read model does not contain.';
REVOKE ALL ON FUNCTION kver_state_waiting() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_state_waiting() TO sqern_reader, sqern_writer;

CREATE OR REPLACE FUNCTION kver_state_is_current(of_tables text[] DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
AS $$
    SELECT EXISTS (SELECT FROM public.kver_state_position p
                   JOIN public.generation_epoch e ON e.id = p.epoch AND e.system_identifier = (SELECT system_identifier FROM pg_control_system()))
        AND NOT EXISTS (
            SELECT FROM public.kver_state_waiting() AS w (generation)
            LEFT JOIN LATERAL (
                -- LIMIT makes the planner look up each generation. Without enable_seqscan, it would expect to find a row of a large
                -- generation soon.
                SELECT true AS found FROM public.event e WHERE e.generation = w.generation AND e.table_name = ANY (of_tables) LIMIT 1
            ) AS change ON true
            WHERE of_tables IS NULL OR change.found)
$$;
COMMENT ON FUNCTION kver_state_is_current(text[]) IS 'Returns whether the read model contains all visible generations. If of_tables is not null, only generations with changes of these tables count.';
REVOKE ALL ON FUNCTION kver_state_is_current(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_state_is_current(text[]) TO sqern_reader, sqern_writer;

CREATE OR REPLACE FUNCTION kver_state_affected(generations bigint[]) RETURNS TABLE (distro text, version text)
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH change AS MATERIALIZED (
        SELECT e.table_name, e.pkey FROM public.event e WHERE e.generation = ANY (generations)
    ), cluster AS (
        SELECT DISTINCT c.pkey ->> 'name' AS name FROM change c WHERE c.table_name = 'cust_cluster'
    )
    SELECT c.pkey ->> 'distro', c.pkey ->> 'version'
    FROM change c
    WHERE c.table_name IN ('kver', 'kver_seen', 'kver_fetched', 'sp_build_kver', 'sp_test_kver', 'sp_available_kver', 'cust_host_kver')
    UNION
    SELECT k.distro, k.version
    FROM change c JOIN public.sp_build_kver k ON k.build_id = (c.pkey ->> 'id')::bigint
    WHERE c.table_name = 'sp_build'
    UNION
    SELECT k.distro, k.version
    FROM change c JOIN public.sp_test_kver k ON k.test_id = (c.pkey ->> CASE c.table_name WHEN 'sp_test' THEN 'id' ELSE 'test_id' END)::bigint
    WHERE c.table_name IN ('sp_test', 'sp_test_result')
    UNION
    SELECT h.distro, h.version
    FROM cluster JOIN public.cust_host_kver h ON h.cluster_name = cluster.name
    UNION
    SELECT s.distro, s.version
    FROM (SELECT DISTINCT c.pkey ->> 'distro' AS name FROM change c WHERE c.table_name = 'kver_ignore') AS patterned
    CROSS JOIN LATERAL (
        SELECT s.distro, s.version
        FROM public.kver_state s
        LEFT JOIN public.kver_ignored i ON i.distro = s.distro AND i.version = s.version
        WHERE s.distro = patterned.name AND s.ignored <> (i.version IS NOT NULL)
        OFFSET 0  -- makes the planner read only the kernels of distributions with changed patterns
    ) AS s;
END
$$;
COMMENT ON FUNCTION kver_state_affected(bigint[]) IS 'Returns the kernels whose state can differ after some generations. Internal function of the read model.';
REVOKE ALL ON FUNCTION kver_state_affected(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION host_state_affected(generations bigint[]) RETURNS TABLE (cluster_name text, host_name text)
LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH change AS MATERIALIZED (
        SELECT e.table_name, e.pkey FROM public.event e WHERE e.generation = ANY (generations) AND e.table_name IN ('cust_host_kver', 'cust_cluster')
    ), cluster AS (
        SELECT DISTINCT c.pkey ->> 'name' AS name FROM change c WHERE c.table_name = 'cust_cluster'
    )
    SELECT c.pkey ->> 'cluster_name', c.pkey ->> 'host_name' FROM change c WHERE c.table_name = 'cust_host_kver'
    UNION
    SELECT h.cluster_name, h.host_name FROM cluster JOIN public.cust_host_kver h ON h.cluster_name = cluster.name
    UNION
    SELECT s.cluster_name, s.host_name FROM cluster JOIN public.host_state s ON s.cluster_name = cluster.name;
END
$$;
COMMENT ON FUNCTION host_state_affected(bigint[]) IS 'Returns the hosts whose state can differ after some generations. Internal function of the read model.';
REVOKE ALL ON FUNCTION host_state_affected(bigint[]) FROM PUBLIC;
