-- $1 distros, $2 versions, $3 numbers of kernels, of which the newer one of two of a distro has the greater. $4 clusters, $5 numbers of
-- cluster types (all when empty). Each host with the number of the kernel that it runs, and of its newest.
--
-- The kernels are joined to kver first, whose foreign key tells the planner that each host's record finds one; the numbers are parameters,
-- of which it knows nothing.
SELECT cluster.cltype, host.cluster_name, host.host_name, host.running, host.newest
FROM (
    SELECT h.cluster_name, h.host_name, max(k.number) FILTER (WHERE h.current) AS running, max(k.number) AS newest
    FROM cust_host_kver AS h
    JOIN kver ON kver.distro = h.distro AND kver.version = h.version
    LEFT JOIN unnest($1::text[], $2::text[], $3::bigint[]) AS k (distro, version, number)
        ON k.distro = kver.distro AND k.version = kver.version
    WHERE h.deleted_at = '-infinity'
    GROUP BY h.cluster_name, h.host_name
) AS host
JOIN cust_cluster AS cluster ON cluster.name = host.cluster_name AND cluster.deleted_at = '-infinity'
WHERE host.newest IS NOT NULL
  AND ($4::text[] = '{}' OR cluster.name = ANY ($4)) AND ($5::integer[] = '{}' OR cluster.cltype = ANY ($5))
