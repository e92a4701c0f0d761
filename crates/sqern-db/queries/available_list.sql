-- $1 revision, $2 release target (null: all), $3 distros (empty: all)
SELECT a.storpool_revision, a.release_target, a.distro, a.version
FROM sp_available_kver AS a
WHERE a.deleted_at = '-infinity'
  AND ($1::text IS NULL OR a.storpool_revision = $1)
  AND ($2::text IS NULL OR a.release_target = $2)
  AND ($3::text[] = '{}' OR a.distro = ANY ($3))
