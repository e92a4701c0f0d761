-- $1 distros (empty: all), $2 whether to omit kernels with a failed build, $3 maximum number of rows (null: all)
-- Returns the rows of build_plan.sql for builds of all revisions, targets and profiles, in their order. All data except for the leases is that
-- of the read model. A kernel without a successful build has only unsuccessful builds and builds in progress.
WITH held AS (
    SELECT DISTINCT k.distro, k.version
    FROM sp_build AS b
    JOIN sp_build_kver AS k ON k.build_id = b.id AND k.deleted_at = '-infinity' AND k.result IS NULL
    LEFT JOIN sp_build_lease AS l ON l.build_id = b.id
    WHERE b.result IS NULL AND b.deleted_at = '-infinity' AND run_holds_kernels(b.result, l.expires_at, b.tstamp)
)
SELECT s.distro, s.version, NULL::bigint AS build, s.fetched_at AS ready_at, s.hosts_running, s.hosts_installed, s.build_id AS last_id,
    s.build_result AS last_result
FROM kver_state AS s
WHERE s.wanted AND s.fetched_at IS NOT NULL AND s.built_by IS NULL
  AND ($1::text[] = '{}' OR s.distro = ANY ($1))
  AND NOT ($2::boolean AND coalesce(s.build_result IN ('FAILURE', 'UNSTABLE'), false))
  AND NOT EXISTS (SELECT FROM held WHERE held.distro = s.distro AND held.version = s.version)
ORDER BY s.hosts_running DESC, s.hosts_installed DESC, coalesce(s.build_result IN ('FAILURE', 'UNSTABLE'), false), s.distro COLLATE "C", s.sort_key DESC
LIMIT $3
