-- $1 whether to include deleted clusters, $2 distros, of one of which a cluster must have a live host (empty: all clusters)
SELECT c.name, t.name AS cltype, coalesce(live.hosts, 0) AS hosts, coalesce(live.kernels, 0) AS kernels,
    nullif(c.deleted_at, '-infinity') AS deleted_at
FROM cust_cluster AS c
JOIN cust_cluster_type AS t ON t.id = c.cltype
LEFT JOIN (
    SELECT h.cluster_name, count(DISTINCT h.host_name) AS hosts, count(DISTINCT (h.distro, h.version)) AS kernels
    FROM cust_host_kver AS h
    WHERE h.deleted_at = '-infinity'
    GROUP BY h.cluster_name
) AS live ON live.cluster_name = c.name
WHERE ($1 OR c.deleted_at = '-infinity')
  AND ($2::text[] = '{}' OR EXISTS (
      SELECT FROM cust_host_kver AS h WHERE h.cluster_name = c.name AND h.deleted_at = '-infinity' AND h.distro = ANY ($2)))
ORDER BY c.name
