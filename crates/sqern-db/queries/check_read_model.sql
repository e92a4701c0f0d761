-- If the read model does not contain all changes, it cannot be compared.
WITH comparable AS MATERIALIZED (
    SELECT kver_state_is_current() AS is_current
), kernel AS (
    SELECT coalesce(s.distro, n.distro) AS distro, coalesce(s.version, n.version) AS version
    FROM kver_state AS s
    FULL JOIN kver_status AS n ON n.distro = s.distro AND n.version = s.version
    WHERE (s.distro, s.version, s.sort_key, s.wanted, s.stage, s.missing, s.missing_since, s.archived, s.ignored, s.known_at, s.seen_at, s.fetched_at,
              s.built_at, s.tested_at, s.available_at, s.build_id, s.build_at, s.build_result, s.built_by, s.test_id, s.test_at, s.test_result,
              s.tested_by, s.available_for, s.hosts_running, s.hosts_installed)
          IS DISTINCT FROM
          (n.distro, n.version, kver_sort_key(n.distro, n.version), NOT (n.archived OR n.ignored), n.stage, n.missing, n.missing_since, n.archived,
              n.ignored, n.known_at, n.seen_at, n.fetched_at, n.built_at, n.tested_at, n.available_at, n.build_id, n.build_at, n.build_result,
              n.built_by, n.test_id, n.test_at, n.test_result, n.tested_by, n.available_for, n.hosts_running, n.hosts_installed)
), kernel_count AS (
    SELECT distro, wanted, stage, missing, count(*) AS kernels, sum(hosts_running)::bigint AS hosts_running
    FROM kver_state
    GROUP BY distro, wanted, stage, missing
), host AS (
    SELECT h.cluster_name, h.host_name, c.cltype, max(h.distro) FILTER (WHERE h.current) AS running_distro,
        max(h.version) FILTER (WHERE h.current) AS running_version,
        (array_agg(h.distro ORDER BY h.distro COLLATE "C" DESC, s.sort_key DESC))[1] AS newest_distro,
        (array_agg(h.version ORDER BY h.distro COLLATE "C" DESC, s.sort_key DESC))[1] AS newest_version
    FROM cust_host_kver AS h
    JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
    LEFT JOIN kver_state AS s ON s.distro = h.distro AND s.version = h.version
    WHERE h.deleted_at = '-infinity'
    GROUP BY h.cluster_name, h.host_name, c.cltype
), host_count AS (
    SELECT cltype, running_distro, running_version, newest_distro, newest_version, count(*) AS hosts
    FROM host_state
    GROUP BY cltype, running_distro, running_version, newest_distro, newest_version
), problem AS (
    SELECT format('kver_state: kernel %s %s', distro, version) AS row
    FROM kernel
    WHERE (SELECT is_current FROM comparable)
    UNION ALL
    SELECT format('kver_state_count: distribution %s', distro)
    FROM ((TABLE kver_state_count EXCEPT TABLE kernel_count) UNION ALL (TABLE kernel_count EXCEPT TABLE kver_state_count)) AS difference
    WHERE (SELECT is_current FROM comparable)
    UNION ALL
    SELECT format('host_state: host %s of cluster %s', host_name, cluster_name)
    FROM ((TABLE host_state EXCEPT TABLE host) UNION ALL (TABLE host EXCEPT TABLE host_state)) AS difference
    WHERE (SELECT is_current FROM comparable)
    UNION ALL
    SELECT format('host_state_count: running kernel %s %s, newest kernel %s %s', coalesce(running_distro, '-'), running_version, newest_distro,
                  newest_version)
    FROM ((TABLE host_state_count EXCEPT TABLE host_count) UNION ALL (TABLE host_count EXCEPT TABLE host_state_count)) AS difference
    WHERE (SELECT is_current FROM comparable)
)
SELECT DISTINCT format('%s (repair: sqern db refresh --full)', row) FROM problem ORDER BY 1 LIMIT 20
