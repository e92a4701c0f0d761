-- $1 distro. Returns the root metadata of the last complete or unchanged crawl of each source: URL, checksum, date, verification and time of the crawl.
SELECT DISTINCT ON (source) source, url, checksum, dated_at, verified_by, finished_at
FROM crawl
WHERE distro = $1 AND state IN ('complete', 'unchanged')
ORDER BY source, id DESC
