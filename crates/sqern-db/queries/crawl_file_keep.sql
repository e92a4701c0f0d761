-- $1 distro, $2 source, then lists of the same length: $3 URL, $4 ETag, $5 body
INSERT INTO crawl_file AS kept (distro, source, url, etag, body)
SELECT $1, $2, found.* FROM unnest($3::text[], $4::text[], $5::bytea[]) AS found
ON CONFLICT (distro, source, url) DO UPDATE SET etag = excluded.etag, body = excluded.body
WHERE (kept.etag, kept.body) IS DISTINCT FROM (excluded.etag, excluded.body)
