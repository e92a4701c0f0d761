-- $1 whether to keep clusters that the report does not contain. Returns the numbers of new, changed and deleted clusters, hosts and kernels
-- of hosts, the number of kernels that kver does not contain, and the numbers of live rows. These are counted only if a row is deleted.
WITH clusters AS (
    SELECT count(*) FILTER (WHERE was IS NULL) AS added,
        count(*) FILTER (WHERE was_live AND becomes IS NOT NULL) AS changed,
        count(*) FILTER (WHERE NOT was_live) AS back,
        count(*) FILTER (WHERE becomes IS NULL) AS removed
    FROM cust_cluster_diff
), kernels AS (
    SELECT count(*) FILTER (WHERE was IS NULL) AS added,
        count(*) FILTER (WHERE was <> becomes) AS changed,
        count(*) FILTER (WHERE becomes IS NULL) AS removed
    FROM cust_host_diff
), touched AS (
    SELECT d.cluster_name, d.host_name, bool_and(d.was IS NULL) AS only_new, bool_and(d.becomes IS NULL) AS only_gone
    FROM cust_host_diff AS d
    GROUP BY d.cluster_name, d.host_name
), reported AS (
    SELECT c.name, r.host
    FROM cust_report AS r JOIN cust_report_cluster AS c ON c.cluster = r.cluster
    WHERE r.record IS NOT NULL
), hosts AS (
    SELECT count(*) FILTER (WHERE t.only_new AND before.live IS NULL) AS added,
        count(*) FILTER (WHERE t.only_gone AND r.host IS NULL) AS removed,
        count(*) AS touched
    FROM touched AS t
    LEFT JOIN reported AS r ON t.only_gone AND r.name = t.cluster_name AND r.host = t.host_name
    LEFT JOIN LATERAL (
        SELECT true AS live
        FROM cust_host_kver AS h
        WHERE t.only_new AND h.cluster_name = t.cluster_name AND h.host_name = t.host_name AND h.deleted_at = '-infinity'
        LIMIT 1
    ) AS before ON true
)
SELECT clusters.added AS clusters_added, clusters.changed AS clusters_changed, clusters.back AS clusters_restored,
    clusters.removed AS clusters_removed,
    hosts.added AS hosts_added, hosts.touched - hosts.added - hosts.removed AS hosts_changed, hosts.removed AS hosts_removed,
    kernels.added AS kernels_added, kernels.changed AS kernels_changed, kernels.removed AS kernels_removed,
    (
        SELECT count(*)
        FROM (SELECT DISTINCT d.distro, d.version FROM cust_host_diff AS d WHERE d.was IS NULL) AS n
        WHERE NOT EXISTS (SELECT FROM kver WHERE kver.distro = n.distro AND kver.version = n.version)
    ) AS new_kernels,
    CASE WHEN clusters.removed > 0 THEN (SELECT count(*) FROM cust_cluster WHERE deleted_at = '-infinity') ELSE 0 END AS live_clusters,
    CASE WHEN hosts.removed > 0 THEN (
        SELECT count(*)
        FROM (
            SELECT DISTINCT h.cluster_name, h.host_name
            FROM cust_host_kver AS h
            WHERE h.deleted_at = '-infinity' AND (NOT $1 OR h.cluster_name IN (SELECT name FROM cust_report_cluster))
        ) AS live
    ) ELSE 0 END AS live_hosts
FROM clusters, hosts, kernels
