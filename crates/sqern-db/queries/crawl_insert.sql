-- The clock of the machine that crawled can be ahead.
INSERT INTO crawl
    (distro, source, started_at, finished_at, state, reason, warnings, url, etag, checksum, bytes, kernels, generation, dated_at, checked_at,
     verified_by)
VALUES ($1, $2, least($3, clock_timestamp()), least($4, clock_timestamp()), $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
