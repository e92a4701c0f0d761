-- $1 distros (empty: all), $2 whether to include deleted patterns, $3 and $4 distros (null: any) and versions of kernels, of which a pattern
-- must match one (empty: all patterns)
SELECT i.distro, i.pattern, i.comment,
       (SELECT count(*) FROM kver WHERE kver.distro = i.distro AND kver.version LIKE i.pattern) AS matches,
       nullif(i.deleted_at, '-infinity') AS deleted_at
FROM kver_ignore AS i
WHERE ($1::text[] = '{}' OR i.distro = ANY ($1)) AND ($2 OR i.deleted_at = '-infinity')
  AND ($4::text[] = '{}' OR EXISTS (
      SELECT FROM unnest($3::text[], $4::text[]) AS kernel (distro, version)
      WHERE coalesce(kernel.distro, i.distro) = i.distro AND kernel.version LIKE i.pattern))
ORDER BY i.distro, i.pattern, i.deleted_at
