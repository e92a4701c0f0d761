-- $1 distro. By source: the checksum of its last crawl that was whole, and when the last top that was believed says that it was made.
SELECT source.name, whole.checksum, believed.dated_at
FROM (SELECT DISTINCT source FROM crawl WHERE distro = $1) AS source (name)
LEFT JOIN LATERAL (
    SELECT checksum FROM crawl
    WHERE distro = $1 AND crawl.source = source.name AND state IN ('complete', 'unchanged')
    ORDER BY id DESC
    LIMIT 1
) AS whole ON true
LEFT JOIN LATERAL (
    SELECT dated_at FROM crawl
    WHERE distro = $1 AND crawl.source = source.name AND dated_at IS NOT NULL
    ORDER BY id DESC
    LIMIT 1
) AS believed ON true
