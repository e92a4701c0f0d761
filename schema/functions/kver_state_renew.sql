-- after: kver_status_of.sql
-- Computes the rows of the read model for some kernels or hosts from the tables.
--
-- Rows of arrays are looked up by index. The planner underestimates a join with them, because it multiplies the selectivities of the columns of
-- a key, and would then compare each row with each other one. NOT IN is a hash lookup.
CREATE OR REPLACE FUNCTION kver_state_renew(distros text[], versions text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '64MB'
AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM public.kver_state s
    USING unnest(distros, versions) AS named (distro, version)
    WHERE s.distro = named.distro AND s.version = named.version
      AND NOT EXISTS (SELECT FROM public.kver k WHERE k.distro = named.distro AND k.version = named.version);

    INSERT INTO public.kver_state AS s
    SELECT n.distro, n.version, coalesce(old.sort_key, public.kver_sort_key(n.distro, n.version)), NOT (n.archived OR n.ignored), n.stage, n.missing,
        n.missing_since, n.archived, n.ignored, n.known_at, n.seen_at, n.fetched_at, n.built_at, n.tested_at, n.available_at, n.build_id, n.build_at,
        n.build_result, n.built_by, n.test_id, n.test_at, n.test_result, n.tested_by, n.available_for, n.hosts_running, n.hosts_installed
    FROM public.kver_status_of(distros, versions) AS n
    LEFT JOIN public.kver_state old ON old.distro = n.distro AND old.version = n.version
    ON CONFLICT (distro, version) DO UPDATE SET (wanted, stage, missing, missing_since, archived, ignored, known_at, seen_at, fetched_at, built_at,
            tested_at, available_at, build_id, build_at, build_result, built_by, test_id, test_at, test_result, tested_by, available_for, hosts_running,
            hosts_installed)
        = (excluded.wanted, excluded.stage, excluded.missing, excluded.missing_since, excluded.archived, excluded.ignored, excluded.known_at,
            excluded.seen_at, excluded.fetched_at, excluded.built_at, excluded.tested_at, excluded.available_at, excluded.build_id, excluded.build_at,
            excluded.build_result, excluded.built_by, excluded.test_id, excluded.test_at, excluded.test_result, excluded.tested_by,
            excluded.available_for, excluded.hosts_running, excluded.hosts_installed)
        WHERE s.* IS DISTINCT FROM excluded.*;

    WITH selected AS MATERIALIZED (
        SELECT DISTINCT named.distro FROM unnest(distros) AS named (distro)
    ), counted AS MATERIALIZED (
        SELECT s.distro, s.wanted, s.stage, s.missing, count(*) AS kernels, sum(s.hosts_running)::bigint AS hosts_running
        FROM public.kver_state s
        WHERE s.distro IN (SELECT distro FROM selected)
        GROUP BY s.distro, s.wanted, s.stage, s.missing
    ), gone AS (
        DELETE FROM public.kver_state_count c
        WHERE c.distro IN (SELECT distro FROM selected)
          AND NOT EXISTS (SELECT FROM counted n
                          WHERE n.distro = c.distro AND n.wanted = c.wanted AND n.stage = c.stage AND n.missing IS NOT DISTINCT FROM c.missing)
    )
    INSERT INTO public.kver_state_count AS c
    SELECT * FROM counted
    ON CONFLICT (distro, wanted, stage, missing) DO UPDATE SET kernels = excluded.kernels, hosts_running = excluded.hosts_running
        WHERE (c.kernels, c.hosts_running) IS DISTINCT FROM (excluded.kernels, excluded.hosts_running);
END
$$;
COMMENT ON FUNCTION kver_state_renew(text[], text[]) IS 'Computes the rows of kver_state for some kernels, and of kver_state_count for their distributions. Internal function of the read model.';
REVOKE ALL ON FUNCTION kver_state_renew(text[], text[]) FROM PUBLIC;

-- The newest kernel of a host is the newest one of its distribution. If a host has kernels of several distributions, the last distribution by
-- name counts.
CREATE OR REPLACE FUNCTION host_state_renew(clusters text[], hosts text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET jit = off SET work_mem = '64MB'
AS $$
#variable_conflict use_column
BEGIN
    WITH new AS MATERIALIZED (
        SELECT named.cluster_name, named.host_name, c.cltype, host.*
        FROM unnest(clusters, hosts) AS named (cluster_name, host_name)
        JOIN public.cust_cluster c ON c.name = named.cluster_name AND c.deleted_at = '-infinity'
        CROSS JOIN LATERAL (
            SELECT max(h.distro) FILTER (WHERE h.current) AS running_distro, max(h.version) FILTER (WHERE h.current) AS running_version,
                (array_agg(h.distro ORDER BY h.distro COLLATE "C" DESC, s.sort_key DESC))[1] AS newest_distro,
                (array_agg(h.version ORDER BY h.distro COLLATE "C" DESC, s.sort_key DESC))[1] AS newest_version
            FROM public.cust_host_kver h
            JOIN public.kver_state s ON s.distro = h.distro AND s.version = h.version
            WHERE h.cluster_name = named.cluster_name AND h.host_name = named.host_name AND h.deleted_at = '-infinity'
        ) AS host
        WHERE host.newest_version IS NOT NULL
    ), old AS MATERIALIZED (
        SELECT s.* FROM unnest(clusters, hosts) AS named (cluster_name, host_name)
        JOIN public.host_state s ON s.cluster_name = named.cluster_name AND s.host_name = named.host_name
    ), gone AS (
        DELETE FROM public.host_state s
        USING old
        WHERE s.cluster_name = old.cluster_name AND s.host_name = old.host_name
          AND (s.cluster_name, s.host_name) NOT IN (SELECT new.cluster_name, new.host_name FROM new)
    ), written AS (
        INSERT INTO public.host_state AS s
        SELECT * FROM new
        ON CONFLICT (cluster_name, host_name) DO UPDATE SET cltype = excluded.cltype, running_distro = excluded.running_distro,
            running_version = excluded.running_version, newest_distro = excluded.newest_distro, newest_version = excluded.newest_version
            WHERE s.* IS DISTINCT FROM excluded.*
    ), changed AS MATERIALIZED (
        SELECT cltype, running_distro, running_version, newest_distro, newest_version, sum(change)::bigint AS hosts
        FROM (SELECT new.*, 1 AS change FROM new UNION ALL SELECT old.*, -1 FROM old) AS difference
        GROUP BY cltype, running_distro, running_version, newest_distro, newest_version
        HAVING sum(change) <> 0
    )
    INSERT INTO public.host_state_count AS c
    SELECT * FROM changed
    ON CONFLICT (cltype, running_distro, running_version, newest_distro, newest_version) DO UPDATE SET hosts = c.hosts + excluded.hosts;
    DELETE FROM public.host_state_count WHERE hosts = 0;
END
$$;
COMMENT ON FUNCTION host_state_renew(text[], text[]) IS 'Computes the rows of host_state for some hosts, and adjusts host_state_count. Internal function of the read model.';
REVOKE ALL ON FUNCTION host_state_renew(text[], text[]) FROM PUBLIC;
