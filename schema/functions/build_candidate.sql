-- after: kver_not_ignored.sql
CREATE OR REPLACE VIEW build_candidate AS
SELECT fetched.distro, fetched.version, fetched.tstamp AS fetched_at,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed
FROM kver_fetched AS fetched
JOIN kver_not_ignored AS wanted ON wanted.distro = fetched.distro AND wanted.version = fetched.version
LEFT JOIN (
    SELECT h.distro, h.version, count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
    FROM cust_host_kver AS h JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
    WHERE h.deleted_at = '-infinity'
    GROUP BY h.distro, h.version
) AS hosts ON hosts.distro = fetched.distro AND hosts.version = fetched.version
WHERE NOT EXISTS (
    SELECT FROM sp_build_kver AS k
    JOIN sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
    LEFT JOIN sp_build_lease AS l ON l.build_id = b.id
    WHERE k.distro = fetched.distro AND k.version = fetched.version AND k.deleted_at = '-infinity'
      AND (coalesce(k.success, b.success)
           OR coalesce(k.result, b.result) IS NULL AND coalesce(l.expires_at > now(), b.tstamp > now() - interval '1 day'))
);
COMMENT ON VIEW build_candidate IS 'Fetched and wanted kernel versions without a successful build of any revision. Kernels that a build in progress has claimed are excluded. A build that was inserted without a lease claims its kernels for one day.';
COMMENT ON COLUMN build_candidate.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN build_candidate.version IS 'Kernel version as printed by uname -r.';
COMMENT ON COLUMN build_candidate.fetched_at IS 'Time at which the headers were fetched.';
COMMENT ON COLUMN build_candidate.hosts_running IS 'Number of customer hosts that run the kernel.';
COMMENT ON COLUMN build_candidate.hosts_installed IS 'Number of customer hosts on which the kernel is installed.';
