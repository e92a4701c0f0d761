SELECT DISTINCT ON (distro, source) distro, source, state, reason, kernels, finished_at, verified_by
FROM crawl
ORDER BY distro, source, id DESC
