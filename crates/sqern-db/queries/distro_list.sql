SELECT distro.name, distro.variant, distro.supported, coalesce(known.kernels, 0)
FROM distro
LEFT JOIN (SELECT kver.distro, count(*) AS kernels FROM kver GROUP BY kver.distro) AS known ON known.distro = distro.name
ORDER BY distro.name
