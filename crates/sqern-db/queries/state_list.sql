-- $1 distros (empty: all), $2 whether to return the numbers of hosts
-- Returns the rows of the read model. The columns are those of the query over kver_status.
SELECT s.distro, s.version, s.stage, s.wanted, s.archived, s.missing, s.missing_since, s.known_at, s.seen_at, s.fetched_at, s.built_at,
    s.tested_at, s.available_at, s.build_id, s.build_result, s.built_by, s.test_id, s.test_result, s.tested_by, s.available_for,
    CASE WHEN $2::boolean THEN s.hosts_running END AS hosts_running, CASE WHEN $2 THEN s.hosts_installed END AS hosts_installed
FROM kver_state AS s
WHERE $1::text[] = '{}' OR s.distro = ANY ($1)
ORDER BY s.distro COLLATE "C", s.sort_key DESC
