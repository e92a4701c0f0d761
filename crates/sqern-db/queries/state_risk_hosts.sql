-- $1 distros and $2 versions of kernels without an available module, $3 clusters, $4 ids of cluster types (empty: all)
-- Returns the hosts of the read model that run one of the kernels, or have it as their newest one. The other kernel is null, and the newest
-- kernel is also null if the host runs it.
WITH missing AS MATERIALIZED (
    SELECT distro, version FROM unnest($1::text[], $2::text[]) AS named (distro, version)
)
SELECT host.cltype, host.cluster_name, host.host_name, running.distro AS running_distro, running.version AS running_version,
    newest.distro AS newest_distro, newest.version AS newest_version
FROM host_state AS host
LEFT JOIN missing AS running ON running.distro = host.running_distro AND running.version = host.running_version
LEFT JOIN missing AS newest ON newest.distro = host.newest_distro AND newest.version = host.newest_version
    AND (host.newest_distro, host.newest_version) IS DISTINCT FROM (host.running_distro, host.running_version)
WHERE (running.version IS NOT NULL OR newest.version IS NOT NULL)
  AND ($3::text[] = '{}' OR host.cluster_name = ANY ($3)) AND ($4::integer[] = '{}' OR host.cltype = ANY ($4))
