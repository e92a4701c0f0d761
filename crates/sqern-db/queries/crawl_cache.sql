-- $1 distro. Returns for each source the checksum of its last complete or unchanged crawl, the date in its last accepted root metadata, and
-- whether any root metadata was verified. A failed crawl with a date has accepted the root metadata, but not the indexes.
SELECT source.name, last_complete.checksum, last_accepted.dated_at,
    EXISTS (SELECT FROM crawl WHERE distro = $1 AND crawl.source = source.name AND verified_by IS NOT NULL) AS was_verified
FROM (SELECT DISTINCT source FROM crawl WHERE distro = $1) AS source (name)
LEFT JOIN LATERAL (
    SELECT checksum FROM crawl
    WHERE distro = $1 AND crawl.source = source.name AND state IN ('complete', 'unchanged')
    ORDER BY id DESC
    LIMIT 1
) AS last_complete ON true
LEFT JOIN LATERAL (
    SELECT dated_at FROM crawl
    WHERE distro = $1 AND crawl.source = source.name AND (dated_at IS NOT NULL OR state <> 'failed')
    ORDER BY id DESC
    LIMIT 1
) AS last_accepted ON true
