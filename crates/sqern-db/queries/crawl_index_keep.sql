-- $1 distro, $2 source, then lists of the same length: $3 name, $4 checksum, $5 entries
INSERT INTO crawl_index AS kept (distro, source, name, checksum, entries)
SELECT $1, $2, found.* FROM unnest($3::text[], $4::text[], $5::text[]) AS found
ON CONFLICT (distro, source, name) DO UPDATE SET checksum = excluded.checksum, entries = excluded.entries
WHERE kept.checksum <> excluded.checksum
