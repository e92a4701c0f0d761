-- $1 distros (empty: all), $2 versions (empty: all). Returns the kernels that were seen, are wanted and not fetched, with the numbers of
-- hosts of live clusters that run them and that have them installed. Also returns fetched kernels with a headers package that their source
-- published later with other content, under the same name and for the same architecture.
SELECT seen.distro, seen.version, coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed,
    fetched.tstamp IS NOT NULL AS is_republished
FROM kver_seen AS seen
JOIN kver_not_ignored AS wanted USING (distro, version)
LEFT JOIN kver_hosts AS hosts ON hosts.distro = seen.distro AND hosts.version = seen.version
LEFT JOIN kver_fetched AS fetched ON fetched.distro = seen.distro AND fetched.version = seen.version
WHERE ($1::text[] = '{}' OR seen.distro = ANY ($1))
  AND ($2::text[] = '{}' OR seen.version = ANY ($2))
  AND (fetched.tstamp IS NULL OR EXISTS (
      SELECT FROM kver_package AS package
      WHERE package.distro = seen.distro AND package.version = seen.version AND package.role = 'headers'
        AND package.gone_at IS NULL AND package.first_seen_at > fetched.tstamp
        AND EXISTS (SELECT FROM kver_package AS former
                    WHERE former.distro = package.distro AND former.version = package.version AND former.role = 'headers'
                      AND former.source = package.source AND former.name = package.name AND former.architecture = package.architecture
                      AND former.checksum <> package.checksum AND former.first_seen_at <= fetched.tstamp)))
