-- $1 revision, $2 release target, $3 profile (null: all), $4 distros (empty: all), $5 versions (empty: all), $6 whether to include kernels
-- with a successful or running build
-- Returns the fetched and wanted kernels without a successful or running build of the revision, target and profile, the number of hosts
-- that run them and that have them installed, and the newest unsuccessful build.
--
-- The planner cannot estimate how many kernels have no build. For an estimate of one kernel, a nested loop would read the hosts once for each
-- kernel. A FULL JOIN cannot be a nested loop. The last condition removes the other rows of these joins. It is not strict, because the
-- planner would otherwise replace them with left joins.
WITH hosts AS (
    SELECT h.distro, h.version, count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
    FROM cust_host_kver AS h JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
    WHERE h.deleted_at = '-infinity'
      AND ($4::text[] = '{}' OR h.distro = ANY ($4))
      AND ($5::text[] = '{}' OR h.version = ANY ($5))
    GROUP BY h.distro, h.version
), tried AS (
    SELECT k.distro, k.version, max(k.build_id) AS id,
        (array_agg(upper(coalesce(k.result, b.result)) ORDER BY k.build_id DESC))[1] AS result
    FROM sp_build AS b
    JOIN sp_build_kver AS k ON k.build_id = b.id AND k.deleted_at = '-infinity'
    WHERE b.deleted_at = '-infinity' AND NOT coalesce(k.success, b.success, false)
      AND ($1::text IS NULL OR b.storpool_revision = $1)
      AND ($2::text IS NULL OR b.release_target = $2)
      AND ($3::text IS NULL OR b.dockernel_profile = $3)
      AND ($4::text[] = '{}' OR k.distro = ANY ($4))
      AND ($5::text[] = '{}' OR k.version = ANY ($5))
    GROUP BY k.distro, k.version
)
SELECT fetched.distro, fetched.version, NULL::bigint AS build, fetched.tstamp AS ready_at,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed,
    tried.id AS last_id, tried.result AS last_result
FROM (
    SELECT kver_fetched.distro, kver_fetched.version, kver_fetched.tstamp
    FROM kver_fetched
    JOIN kver_not_ignored AS wanted ON wanted.distro = kver_fetched.distro AND wanted.version = kver_fetched.version
    WHERE NOT EXISTS (
            SELECT FROM sp_build_kver AS k
            JOIN sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
            LEFT JOIN sp_build_lease AS l ON l.build_id = b.id
            WHERE NOT $6 AND k.distro = kver_fetched.distro AND k.version = kver_fetched.version AND k.deleted_at = '-infinity'
              AND ($1::text IS NULL OR b.storpool_revision = $1)
              AND ($2::text IS NULL OR b.release_target = $2)
              AND ($3::text IS NULL OR b.dockernel_profile = $3)
              AND (coalesce(k.success, b.success)
                   OR coalesce(k.result, b.result) IS NULL AND coalesce(l.expires_at > now(), b.tstamp > now() - interval '1 day')))
      AND ($4::text[] = '{}' OR kver_fetched.distro = ANY ($4))
      AND ($5::text[] = '{}' OR kver_fetched.version = ANY ($5))
) AS fetched
FULL JOIN hosts ON hosts.distro = fetched.distro AND hosts.version = fetched.version
FULL JOIN tried ON tried.distro = fetched.distro AND tried.version = fetched.version
WHERE coalesce(fetched.version, '') <> ''
