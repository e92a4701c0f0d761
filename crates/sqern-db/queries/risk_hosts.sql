-- $1 distros, $2 versions, $3 numbers of kernels, of which the newer one of two of a distro has the greater; they are odd where the
-- kernel is not available. $4 clusters, $5 numbers of cluster types (all when empty). The hosts whose running kernel, or whose newest one,
-- has an odd number, with both numbers. The hosts behind risk_counts.sql, which says why it is written so.
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
WHERE (host.running & 1 = 1 OR host.newest & 1 = 1)
  AND ($4::text[] = '{}' OR cluster.name = ANY ($4)) AND ($5::integer[] = '{}' OR cluster.cltype = ANY ($5))
