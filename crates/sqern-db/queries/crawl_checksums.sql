-- $1 distro. A checksum spares reading only what is still recorded as that crawl left it: after a revert it is read again.
SELECT last.source, last.checksum
FROM (
    SELECT DISTINCT ON (source) source, checksum, kernels
    FROM crawl
    WHERE distro = $1 AND state IN ('complete', 'unchanged') AND checksum IS NOT NULL
    ORDER BY source, id DESC
) AS last
WHERE last.kernels = (
    SELECT count(DISTINCT kver_package.version)
    FROM kver_package JOIN kver_seen USING (distro, version)
    WHERE kver_package.distro = $1 AND kver_package.source = last.source AND kver_package.role = 'headers'
      AND kver_package.gone_at IS NULL
)
