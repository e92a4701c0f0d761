INSERT INTO crawl
    (distro, source, started_at, finished_at, state, reason, warnings, url, etag, checksum, bytes, kernels, generation, dated_at, checked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
