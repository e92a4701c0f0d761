-- $1 distros (empty: all), $2 whether to include deleted patterns
SELECT i.distro, i.pattern, i.comment,
       (SELECT count(*) FROM kver WHERE kver.distro = i.distro AND kver.version LIKE i.pattern) AS matches,
       nullif(i.deleted_at, '-infinity') AS deleted_at
FROM kver_ignore AS i
WHERE ($1::text[] = '{}' OR i.distro = ANY ($1)) AND ($2 OR i.deleted_at = '-infinity')
ORDER BY i.distro, i.pattern, i.deleted_at
