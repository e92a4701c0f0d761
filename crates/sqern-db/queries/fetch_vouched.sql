-- $1 distro. By source: the top of its last crawl that was whole, what it is called by and when it was made.
SELECT DISTINCT ON (source) source, url, checksum, dated_at, finished_at
FROM crawl
WHERE distro = $1 AND state IN ('complete', 'unchanged')
ORDER BY source, id DESC
