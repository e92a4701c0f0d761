-- $1 maximum number of rows. Returns the differences: clusters, kernels that kver does not contain, kernels of hosts.
SELECT * FROM (
    SELECT 1 AS part, CASE WHEN d.was IS NULL OR NOT d.was_live THEN '+' WHEN d.becomes IS NULL THEN '-' ELSE '~' END AS sign,
        d.name AS cluster, NULL AS host, NULL AS distro, NULL AS version,
        was.name AS was, becomes.name AS becomes, d.was IS NOT NULL AND NOT d.was_live AS back
    FROM cust_cluster_diff AS d
    LEFT JOIN cust_cluster_type AS was ON was.id = d.was
    LEFT JOIN cust_cluster_type AS becomes ON becomes.id = d.becomes
    UNION ALL
    SELECT 2, '+', NULL, NULL, n.distro, n.version, NULL, NULL, false
    FROM (SELECT DISTINCT d.distro, d.version FROM cust_host_diff AS d WHERE d.was IS NULL) AS n
    WHERE NOT EXISTS (SELECT FROM kver WHERE kver.distro = n.distro AND kver.version = n.version)
    UNION ALL
    SELECT 3, CASE WHEN d.was IS NULL THEN '+' WHEN d.becomes IS NULL THEN '-' ELSE '~' END,
        d.cluster_name, d.host_name, d.distro, d.version,
        CASE WHEN d.was THEN 'running' WHEN NOT d.was THEN 'installed' END,
        CASE WHEN d.becomes THEN 'running' WHEN NOT d.becomes THEN 'installed' END, false
    FROM cust_host_diff AS d
) AS change
ORDER BY part, cluster, host, distro, version
LIMIT $1
