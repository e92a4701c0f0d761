-- $1 revision, $2 release target, $3 profile (null: all), $4 distros (empty: all), $5 versions (empty: all), $6 whether to include kernels
-- with a successful or running build
-- Returns the fetched and wanted kernels without a successful or running build of the revision, target and profile, the number of hosts
-- that run them and that have them installed, and the newest unsuccessful build.
--
-- The planner cannot estimate how many kernels have no build. For an estimate of one kernel, a nested loop would read the hosts once for each
-- kernel. A FULL JOIN cannot be a nested loop. The last condition removes the other rows of these joins. It is not strict, because the
-- planner would otherwise replace them with left joins.
WITH hosts AS (
    SELECT * FROM kver_hosts WHERE ($4::text[] = '{}' OR distro = ANY ($4)) AND ($5::text[] = '{}' OR version = ANY ($5))
), tried AS (
    SELECT b.distro, b.version, max(b.build_id) AS id, (array_agg(b.result ORDER BY b.build_id DESC))[1] AS result
    FROM sp_build_outcome AS b
    WHERE NOT b.is_success
      AND ($1::text IS NULL OR b.storpool_revision = $1)
      AND ($2::text IS NULL OR b.release_target = $2)
      AND ($3::text IS NULL OR b.dockernel_profile = $3)
      AND ($4::text[] = '{}' OR b.distro = ANY ($4))
      AND ($5::text[] = '{}' OR b.version = ANY ($5))
    GROUP BY b.distro, b.version
)
SELECT fetched.distro, fetched.version, NULL::bigint AS build, fetched.tstamp AS ready_at,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed,
    tried.id AS last_id, tried.result AS last_result
FROM (
    SELECT kver_fetched.distro, kver_fetched.version, kver_fetched.tstamp
    FROM kver_fetched
    JOIN kver_not_ignored AS wanted ON wanted.distro = kver_fetched.distro AND wanted.version = kver_fetched.version
    WHERE NOT EXISTS (
            SELECT FROM sp_build_outcome AS b
            WHERE NOT $6 AND b.distro = kver_fetched.distro AND b.version = kver_fetched.version AND (b.is_success OR b.is_held)
              AND ($1::text IS NULL OR b.storpool_revision = $1)
              AND ($2::text IS NULL OR b.release_target = $2)
              AND ($3::text IS NULL OR b.dockernel_profile = $3))
      AND ($4::text[] = '{}' OR kver_fetched.distro = ANY ($4))
      AND ($5::text[] = '{}' OR kver_fetched.version = ANY ($5))
) AS fetched
FULL JOIN hosts ON hosts.distro = fetched.distro AND hosts.version = fetched.version
FULL JOIN tried ON tried.distro = fetched.distro AND tried.version = fetched.version
WHERE coalesce(fetched.version, '') <> ''
