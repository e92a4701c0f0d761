-- $1 distro, $2 version, $3 time after which changes are omitted (null: none)
SELECT source, role, name, package_version, architecture, url, size_bytes, checksum, first_seen_at, gone_at, verified_by
FROM (
    SELECT source, role, name, package_version, architecture, url, size_bytes, checksum, first_seen_at, verified_by,
        CASE WHEN $3::timestamptz IS NULL OR gone_at <= $3 THEN gone_at END AS gone_at
    FROM kver_package
    WHERE distro = $1 AND version = $2 AND ($3 IS NULL OR first_seen_at <= $3)
) AS package
ORDER BY gone_at IS NOT NULL, role, name, source, package_version
