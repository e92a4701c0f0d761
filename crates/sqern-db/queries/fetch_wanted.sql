-- $1 distros (all when empty), $2 versions (all when empty). Seen, wanted and not fetched, with how many hosts have it: the running ones
-- count before those that merely have it installed.
SELECT seen.distro, seen.version,
    count(hosts.id) FILTER (WHERE hosts.current), count(hosts.id)
FROM kver_seen AS seen
JOIN kver_not_ignored AS wanted USING (distro, version)
LEFT JOIN cust_host_kver AS hosts
    ON hosts.distro = seen.distro AND hosts.version = seen.version AND hosts.deleted_at = '-infinity'
WHERE NOT EXISTS (SELECT FROM kver_fetched AS fetched WHERE fetched.distro = seen.distro AND fetched.version = seen.version)
  AND ($1::text[] = '{}' OR seen.distro = ANY ($1))
  AND ($2::text[] = '{}' OR seen.version = ANY ($2))
GROUP BY seen.distro, seen.version
