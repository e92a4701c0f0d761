-- $1 release target, $2 revision (null: all), $3 clusters, $4 ids of cluster types (empty: all)
-- Returns the numbers of hosts of the read model by cluster type, running and newest kernel. A kernel with an available module is null, and the
-- newest kernel is also null if the host runs it.
WITH missing AS NOT MATERIALIZED (
    SELECT s.distro, s.version
    FROM kver_state AS s
    WHERE CASE
        WHEN $2::text IS NOT NULL THEN NOT EXISTS (
            SELECT FROM sp_available_kver AS a
            WHERE a.distro = s.distro AND a.version = s.version AND a.deleted_at = '-infinity' AND a.storpool_revision = $2
              AND ($1::text IS NULL OR a.release_target = $1))
        WHEN $1 IS NOT NULL THEN NOT coalesce($1 = ANY (s.available_for), false)
        ELSE s.available_for IS NULL
    END
), host AS (
    SELECT c.cltype, c.running_distro, c.running_version, c.newest_distro, c.newest_version, c.hosts
    FROM host_state_count AS c
    WHERE $3::text[] = '{}'
    UNION ALL
    SELECT h.cltype, h.running_distro, h.running_version, h.newest_distro, h.newest_version, 1
    FROM host_state AS h
    WHERE $3 <> '{}' AND h.cluster_name = ANY ($3)
)
SELECT host.cltype, running.distro AS running_distro, running.version AS running_version, newest.distro AS newest_distro,
    newest.version AS newest_version, sum(host.hosts)::bigint AS hosts
FROM host
LEFT JOIN missing AS running ON running.distro = host.running_distro AND running.version = host.running_version
LEFT JOIN missing AS newest ON newest.distro = host.newest_distro AND newest.version = host.newest_version
    AND (host.newest_distro, host.newest_version) IS DISTINCT FROM (host.running_distro, host.running_version)
WHERE $4::integer[] = '{}' OR host.cltype = ANY ($4)
GROUP BY 1, 2, 3, 4, 5
