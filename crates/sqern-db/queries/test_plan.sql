-- $1 revision, $2 release target, $3 profile (null: all), $4 distros (empty: all), $5 versions (empty: all), $6 build (null: all), $7 flavor
-- (null: all), $8 whether to include kernels with a successful or running test run
-- Returns the wanted kernels of the newest successful build of the revision, target and profile, without a successful or running test run
-- of the flavor for this build, the number of hosts that run them and that have them installed, and the newest test run. FULL JOIN is used
-- as in build_plan.sql.
WITH built AS MATERIALIZED (
    SELECT DISTINCT ON (b.distro, b.version) b.distro, b.version, b.build_id AS id, b.tstamp
    FROM sp_build_outcome AS b
    WHERE b.is_success
      AND ($1::text IS NULL OR b.storpool_revision = $1)
      AND ($2::text IS NULL OR b.release_target = $2)
      AND ($3::text IS NULL OR b.dockernel_profile = $3)
      AND ($6::bigint IS NULL OR b.build_id = $6)
      AND ($4::text[] = '{}' OR b.distro = ANY ($4))
      AND ($5::text[] = '{}' OR b.version = ANY ($5))
    ORDER BY b.distro, b.version, b.build_id DESC
), tried AS (
    SELECT t.build_id, k.distro, k.version,
        bool_or(coalesce(k.success, r.success, false)) AS is_tested,
        bool_or(run_holds_kernels(coalesce(k.result, r.result), l.expires_at, t.tstamp)) AS is_held,
        max(t.id) AS last_id
    FROM sp_test AS t
    JOIN sp_test_kver AS k ON k.test_id = t.id AND k.deleted_at = '-infinity'
    LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    LEFT JOIN sp_test_lease AS l ON l.test_id = t.id
    WHERE t.deleted_at = '-infinity' AND t.build_id IN (SELECT id FROM built) AND ($7::text IS NULL OR t.test_flavor = $7)
    GROUP BY t.build_id, k.distro, k.version
), hosts AS (
    SELECT * FROM kver_hosts WHERE ($4::text[] = '{}' OR distro = ANY ($4)) AND ($5::text[] = '{}' OR version = ANY ($5))
)
SELECT built.distro, built.version, built.id AS build, built.tstamp AS ready_at,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed,
    tried.last_id, upper(coalesce(last.result, last_result.result)) AS last_result
FROM (
    SELECT b.*
    FROM built AS b
    JOIN kver_not_ignored AS wanted ON wanted.distro = b.distro AND wanted.version = b.version
) AS built
FULL JOIN tried ON tried.build_id = built.id AND tried.distro = built.distro AND tried.version = built.version
FULL JOIN hosts ON hosts.distro = built.distro AND hosts.version = built.version
LEFT JOIN sp_test_kver AS last
    ON last.test_id = tried.last_id AND last.distro = built.distro AND last.version = built.version AND last.deleted_at = '-infinity'
LEFT JOIN sp_test_result AS last_result ON last_result.test_id = tried.last_id AND last_result.deleted_at = '-infinity'
WHERE coalesce(built.version, '') <> ''
  AND ($8 OR tried.is_tested IS NOT TRUE AND tried.is_held IS NOT TRUE)
