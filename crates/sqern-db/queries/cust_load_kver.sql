INSERT INTO kver (distro, version)
SELECT DISTINCT d.distro, d.version
FROM cust_host_diff AS d
WHERE d.was IS NULL AND NOT EXISTS (SELECT FROM kver WHERE kver.distro = d.distro AND kver.version = d.version)
ON CONFLICT DO NOTHING
