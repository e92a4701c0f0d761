-- Lists of the same length: $1 distros, $2 versions. Returns the listed packages of each kernel, or the former ones if no headers are listed.
SELECT package.distro, package.version, package.source, package.role, package.name, package.package_version, package.architecture,
    package.url, package.size_bytes, package.checksum, package.verified_by
FROM unnest($1::text[], $2::text[]) AS wanted (distro, version)
JOIN kver_package AS package USING (distro, version)
WHERE package.gone_at IS NULL OR NOT EXISTS (
    SELECT FROM kver_package AS listed
    WHERE listed.distro = wanted.distro AND listed.version = wanted.version AND listed.role = 'headers' AND listed.gone_at IS NULL
)
ORDER BY package.distro, package.version, package.role, package.name, package.source
