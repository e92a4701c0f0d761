-- $1 distro. Returns the root metadata of the last complete or unchanged crawl of each source.
SELECT DISTINCT ON (source) source, url, dated_at
FROM crawl
WHERE distro = $1 AND state IN ('complete', 'unchanged')
ORDER BY source, id DESC
