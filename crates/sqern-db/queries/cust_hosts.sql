-- $1 clusters, $2 distros, $3 versions, of which a host must have one (empty: all)
SELECT h.cluster_name AS cluster, t.name AS cltype, h.host_name AS name, h.distro,
    max(h.version) FILTER (WHERE h.current) AS running, array_agg(h.version) AS installed
FROM cust_host_kver AS h
JOIN cust_cluster AS c ON c.name = h.cluster_name
JOIN cust_cluster_type AS t ON t.id = c.cltype
WHERE h.deleted_at = '-infinity'
  AND ($1::text[] = '{}' OR h.cluster_name = ANY ($1))
  AND ($2::text[] = '{}' OR h.distro = ANY ($2))
GROUP BY h.cluster_name, t.name, h.host_name, h.distro
HAVING $3::text[] = '{}' OR array_agg(h.version) && $3::text[]
ORDER BY h.cluster_name, h.host_name, h.distro
