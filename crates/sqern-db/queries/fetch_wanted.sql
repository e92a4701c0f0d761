-- $1 distros (empty: all), $2 versions (empty: all). Returns the kernels that were seen, are wanted and not fetched, with the numbers of
-- hosts of live clusters that run them and that have them installed.
SELECT seen.distro, seen.version, coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed
FROM kver_seen AS seen
JOIN kver_not_ignored AS wanted USING (distro, version)
LEFT JOIN kver_hosts AS hosts ON hosts.distro = seen.distro AND hosts.version = seen.version
WHERE NOT EXISTS (SELECT FROM kver_fetched AS fetched WHERE fetched.distro = seen.distro AND fetched.version = seen.version)
  AND ($1::text[] = '{}' OR seen.distro = ANY ($1))
  AND ($2::text[] = '{}' OR seen.version = ANY ($2))
