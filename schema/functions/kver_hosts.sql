-- kver_status contains the same subquery, because it is also executed for a past state and for a part of the hosts.
CREATE OR REPLACE VIEW kver_hosts AS
SELECT h.distro, h.version, count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
FROM cust_host_kver AS h JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
WHERE h.deleted_at = '-infinity'
GROUP BY h.distro, h.version;
COMMENT ON VIEW kver_hosts IS 'Numbers of customer hosts of each kernel version that at least one host has installed. Hosts of deleted clusters are not counted.';
COMMENT ON COLUMN kver_hosts.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_hosts.version IS 'Kernel version as printed by uname -r.';
COMMENT ON COLUMN kver_hosts.running IS 'Number of hosts that run the kernel.';
COMMENT ON COLUMN kver_hosts.installed IS 'Number of hosts on which the kernel is installed.';
