-- $1 release target, $2 revision (null: all), $3 distros (empty: all). Counts the wanted kernels, and those that are available. The view
-- kver_status contains the same rows, but also reads builds, tests and hosts.
SELECT count(available.version) AS available, count(*) AS wanted
FROM kver
LEFT JOIN (
    SELECT a.distro, a.version
    FROM sp_available_kver AS a
    WHERE a.deleted_at = '-infinity'
      AND ($1::text IS NULL OR a.release_target = $1)
      AND ($2::text IS NULL OR a.storpool_revision = $2)
    GROUP BY a.distro, a.version
) AS available ON available.distro = kver.distro AND available.version = kver.version
LEFT JOIN kver_ignored AS ignored ON ignored.distro = kver.distro AND ignored.version = kver.version
WHERE NOT kver.archived AND ignored.version IS NULL AND ($3::text[] = '{}' OR kver.distro = ANY ($3))
