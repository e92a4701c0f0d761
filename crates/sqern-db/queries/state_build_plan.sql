-- $1 revision, $2 release target, $3 profile (null: all), $4 distros (empty: all), $5 whether to omit kernels with a failed build,
-- $6 maximum number of rows (null: all)
-- Returns the rows of build_plan.sql in their order. The fetched and wanted kernels and the numbers of hosts are those of the read model.
-- The builds are those of the tables.
--
-- Most kernels have no build of the selection. They are read in the order of an index, up to the maximum number. NOT IN is a hash lookup.
WITH build_kver AS MATERIALIZED (
    SELECT * FROM build_kver_results($1, $2, $3)
), tried AS (
    SELECT k.distro, k.version, max(k.build_id) AS id, (array_agg(k.result ORDER BY k.build_id DESC))[1] AS result
    FROM build_kver AS k
    GROUP BY k.distro, k.version
    HAVING NOT bool_or(k.is_done)
), candidate AS (
    (
        SELECT s.*, NULL::bigint AS last_id, NULL AS last_result
        FROM kver_state AS s
        WHERE s.wanted AND s.fetched_at IS NOT NULL
          AND ($4::text[] = '{}' OR s.distro = ANY ($4))
          AND (s.distro, s.version) NOT IN (SELECT k.distro, k.version FROM build_kver AS k)
        ORDER BY s.hosts_running DESC, s.hosts_installed DESC, s.distro COLLATE "C", s.sort_key DESC
        LIMIT $6
    )
    UNION ALL
    SELECT s.*, tried.id, tried.result
    FROM tried
    JOIN kver_state AS s ON s.distro = tried.distro AND s.version = tried.version
    WHERE s.wanted AND s.fetched_at IS NOT NULL
      AND ($4 = '{}' OR s.distro = ANY ($4))
      AND NOT ($5::boolean AND coalesce(tried.result IN ('FAILURE', 'UNSTABLE'), false))
)
SELECT s.distro, s.version, NULL::bigint AS build, s.fetched_at AS ready_at, s.hosts_running, s.hosts_installed, s.last_id, s.last_result
FROM candidate AS s
ORDER BY s.hosts_running DESC, s.hosts_installed DESC, coalesce(s.last_result IN ('FAILURE', 'UNSTABLE'), false), s.distro COLLATE "C",
    s.sort_key DESC
LIMIT $6
