-- $1 distro, $2 version. Returns for each cluster type the number of hosts that run a kernel, and that have it installed.
SELECT type.name AS cltype, count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
FROM cust_host_kver AS h
JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
JOIN cust_cluster_type AS type ON type.id = c.cltype
WHERE h.distro = $1 AND h.version = $2 AND h.deleted_at = '-infinity'
GROUP BY type.id, type.name
ORDER BY type.id
