-- $1 distros, $2 versions, $3 ranks of kernels, of which a newer kernel of a distro has a higher one; $4 clusters, $5 ids of cluster types
-- (empty: all). Returns each host with the ranks of its running and newest kernel.
--
-- The join with kver is first, because the planner derives from the foreign key that each row of a host has one match. It has no estimate
-- for the parameters.
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
