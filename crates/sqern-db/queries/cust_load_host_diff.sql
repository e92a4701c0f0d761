-- $1 whether to keep clusters that the report does not contain. Records the changes of kernels of hosts: `was` and `becomes` are the values
-- of `current`, or null without a live row. A FULL JOIN cannot be planned as a nested loop.
INSERT INTO cust_host_diff (id, cluster_name, host_name, distro, version, was, becomes)
SELECT h.id, coalesce(h.cluster_name, r.name), coalesce(h.host_name, r.host), coalesce(h.distro, r.distro),
    coalesce(h.version, r.version), h.current, r.current
FROM (
    SELECT h.id, h.cluster_name, h.host_name, h.distro, h.version, h.current
    FROM cust_host_kver AS h
    WHERE h.deleted_at = '-infinity' AND (NOT $1 OR h.cluster_name IN (SELECT name FROM cust_report_cluster))
) AS h
FULL JOIN (
    SELECT c.name, r.host, r.distro, r.version, r.current
    FROM cust_report AS r JOIN cust_report_cluster AS c ON c.cluster = r.cluster
    WHERE r.host IS NOT NULL
) AS r ON r.name = h.cluster_name AND r.host = h.host_name AND r.distro = h.distro AND r.version = h.version
WHERE h.id IS NULL OR r.host IS NULL OR h.current <> r.current
