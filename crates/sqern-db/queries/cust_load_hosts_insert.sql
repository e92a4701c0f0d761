INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
SELECT d.cluster_name, d.host_name, d.distro, d.version, d.becomes
FROM cust_host_diff AS d
WHERE d.was IS NULL
ORDER BY d.cluster_name, d.host_name, d.distro, d.version
