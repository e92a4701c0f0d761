SELECT distro.name, distro.variant, distro.supported, coalesce(known.kernels, 0) AS kernels,
    (SELECT max(crawl.checked_at) FROM crawl WHERE crawl.distro = distro.name) AS checked_at
FROM distro
LEFT JOIN (SELECT kver.distro, count(*) AS kernels FROM kver GROUP BY kver.distro) AS known ON known.distro = distro.name
ORDER BY distro.name
