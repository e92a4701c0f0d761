-- $1 release target, $2 revision (null: all), $3 distros (empty: all). Returns each kernel, and whether it is available.
SELECT kver.distro, kver.version, available.version IS NOT NULL AS is_available
FROM kver
LEFT JOIN (
    SELECT a.distro, a.version
    FROM sp_available_kver AS a
    WHERE a.deleted_at = '-infinity'
      AND ($1::text IS NULL OR a.release_target = $1)
      AND ($2::text IS NULL OR a.storpool_revision = $2)
    GROUP BY a.distro, a.version
) AS available ON available.distro = kver.distro AND available.version = kver.version
WHERE $3::text[] = '{}' OR kver.distro = ANY ($3)
