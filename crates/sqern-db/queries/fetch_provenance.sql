-- $1 distro. Returns the root metadata of each source.
SELECT source, url, checksum, dated_at, verified_by, finished_at
FROM crawl_accepted
WHERE distro = $1
ORDER BY source
