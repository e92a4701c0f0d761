-- $1 distro, $2 version
SELECT source, role, name, package_version, architecture, url, size_bytes, checksum, first_seen_at, gone_at
FROM kver_package
WHERE distro = $1 AND version = $2
ORDER BY gone_at IS NOT NULL, role, name, source, package_version
