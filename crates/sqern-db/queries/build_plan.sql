-- $1 revision, $2 release target, $3 profile (null: whichever), $4 distros (all when empty), $5 versions (all when empty), $6 whether also
-- those that are built or that somebody is at
-- The fetched and wanted kernels without a successful build of that revision, target and profile, that nobody is building; with how many
-- hosts run and have them, and the newest try.
WITH runs AS MATERIALIZED (
    SELECT b.id, b.result, b.success,
        b.result IS NULL AND coalesce(l.expires_at, b.tstamp + interval '1 day') > now() AS is_open
    FROM sp_build AS b
    LEFT JOIN sp_build_lease AS l ON l.build_id = b.id
    WHERE b.deleted_at = '-infinity'
      AND ($1::text IS NULL OR b.storpool_revision = $1)
      AND ($2::text IS NULL OR b.release_target = $2)
      AND ($3::text IS NULL OR b.dockernel_profile = $3)
), tried AS (
    SELECT k.distro, k.version,
        bool_or(coalesce(k.success, r.success, false)) AS is_built,
        bool_or(r.is_open AND k.result IS NULL) AS is_held,
        max(k.build_id) AS last_id
    FROM runs AS r
    JOIN sp_build_kver AS k ON k.build_id = r.id AND k.deleted_at = '-infinity'
    WHERE $5::text[] = '{}' OR k.version = ANY ($5)
    GROUP BY k.distro, k.version
), hosts AS (
    SELECT h.distro, h.version, count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
    FROM cust_host_kver AS h JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
    WHERE h.deleted_at = '-infinity'
    GROUP BY h.distro, h.version
)
SELECT fetched.distro, fetched.version, NULL::bigint, fetched.tstamp,
    coalesce(hosts.running, 0), coalesce(hosts.installed, 0),
    tried.last_id, upper(coalesce(last.result, last_run.result))
FROM kver_fetched AS fetched
JOIN kver_not_ignored AS wanted ON wanted.distro = fetched.distro AND wanted.version = fetched.version
LEFT JOIN tried ON tried.distro = fetched.distro AND tried.version = fetched.version
LEFT JOIN hosts ON hosts.distro = fetched.distro AND hosts.version = fetched.version
LEFT JOIN sp_build AS last_run ON last_run.id = tried.last_id
LEFT JOIN sp_build_kver AS last
    ON last.build_id = tried.last_id AND last.distro = fetched.distro AND last.version = fetched.version
   AND last.deleted_at = '-infinity'
WHERE ($6 OR tried.is_built IS NOT TRUE AND tried.is_held IS NOT TRUE)
  AND ($4::text[] = '{}' OR fetched.distro = ANY ($4))
  AND ($5::text[] = '{}' OR fetched.version = ANY ($5))
