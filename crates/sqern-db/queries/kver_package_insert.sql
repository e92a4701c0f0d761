-- $1 distro, $2 now, then lists of the same length: $3 source, $4 kernel, $5 role, $6 name, $7 package version, $8 architecture, $9 URL,
-- $10 size in bytes, $11 checksum, $12 signer of the metadata or null
INSERT INTO kver_package
    (distro, first_seen_at, source, version, role, name, package_version, architecture, url, size_bytes, checksum, verified_by)
SELECT $1, $2, found.*
FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::text[], $12::text[]) AS found
