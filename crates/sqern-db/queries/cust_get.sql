-- $1 name
-- Returns the live cluster with this name. A join with grouped hosts would read the hosts of all clusters.
SELECT c.name, t.name AS cltype, live.hosts, live.kernels, NULL::timestamptz AS deleted_at
FROM cust_cluster AS c
JOIN cust_cluster_type AS t ON t.id = c.cltype
CROSS JOIN LATERAL (
    SELECT count(DISTINCT h.host_name) AS hosts, count(DISTINCT (h.distro, h.version)) AS kernels
    FROM cust_host_kver AS h
    WHERE h.cluster_name = c.name AND h.deleted_at = '-infinity'
) AS live
WHERE c.name = $1 AND c.deleted_at = '-infinity'
