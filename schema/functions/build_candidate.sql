-- after: kver_not_ignored.sql, kver_hosts.sql, sp_build_outcome.sql
CREATE OR REPLACE VIEW build_candidate AS
SELECT fetched.distro, fetched.version, fetched.tstamp AS fetched_at,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed
FROM kver_fetched AS fetched
JOIN kver_not_ignored AS wanted ON wanted.distro = fetched.distro AND wanted.version = fetched.version
LEFT JOIN kver_hosts AS hosts ON hosts.distro = fetched.distro AND hosts.version = fetched.version
WHERE NOT EXISTS (
    SELECT FROM sp_build_outcome AS build
    WHERE build.distro = fetched.distro AND build.version = fetched.version AND (build.is_success OR build.is_held)
);
COMMENT ON VIEW build_candidate IS 'Fetched and wanted kernel versions without a successful build of any revision. Kernels that a build in progress has claimed are excluded. A build that was inserted without a lease claims its kernels for one day.';
COMMENT ON COLUMN build_candidate.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN build_candidate.version IS 'Kernel version as printed by uname -r.';
COMMENT ON COLUMN build_candidate.fetched_at IS 'Time at which the headers were fetched.';
COMMENT ON COLUMN build_candidate.hosts_running IS 'Number of customer hosts that run the kernel.';
COMMENT ON COLUMN build_candidate.hosts_installed IS 'Number of customer hosts on which the kernel is installed.';
