CREATE OR REPLACE VIEW kver_status AS
SELECT kver.distro, kver.version,
    CASE
        WHEN available.targets IS NOT NULL THEN 'available'
        WHEN tested.id IS NOT NULL THEN 'tested'
        WHEN built.id IS NOT NULL THEN 'built'
        WHEN fetched.version IS NOT NULL THEN 'fetched'
        WHEN seen.version IS NOT NULL THEN 'seen'
        ELSE 'known'
    END AS stage,
    kver.archived, ignored.version IS NOT NULL AS ignored,
    seen.tstamp AS seen_at, fetched.tstamp AS fetched_at,
    build.id AS build_id, build.tstamp AS build_at, build.result AS build_result, built.id AS built_by,
    test.id AS test_id, test.tstamp AS test_at, test.result AS test_result, tested.id AS tested_by,
    available.targets AS available_for,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed
FROM kver
LEFT JOIN kver_ignored AS ignored ON ignored.distro = kver.distro AND ignored.version = kver.version
LEFT JOIN kver_seen AS seen ON seen.distro = kver.distro AND seen.version = kver.version
LEFT JOIN kver_fetched AS fetched ON fetched.distro = kver.distro AND fetched.version = kver.version
LEFT JOIN LATERAL (
    SELECT b.id, b.tstamp, upper(coalesce(k.result, b.result)) AS result
    FROM sp_build_kver AS k JOIN sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.deleted_at = '-infinity'
    ORDER BY k.build_id DESC LIMIT 1
) AS build ON true
LEFT JOIN LATERAL (
    SELECT b.id
    FROM sp_build_kver AS k JOIN sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.deleted_at = '-infinity' AND coalesce(k.success, b.success)
    ORDER BY k.build_id DESC LIMIT 1
) AS built ON true
LEFT JOIN LATERAL (
    SELECT t.id, t.tstamp, upper(coalesce(k.result, r.result)) AS result
    FROM sp_test_kver AS k JOIN sp_test AS t ON t.id = k.test_id AND t.deleted_at = '-infinity'
    LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.deleted_at = '-infinity'
    ORDER BY k.test_id DESC LIMIT 1
) AS test ON true
LEFT JOIN LATERAL (
    SELECT t.id
    FROM sp_test_kver AS k JOIN sp_test AS t ON t.id = k.test_id AND t.deleted_at = '-infinity'
    LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.deleted_at = '-infinity' AND coalesce(k.success, r.success)
    ORDER BY k.test_id DESC LIMIT 1
) AS tested ON true
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT a.release_target ORDER BY a.release_target) AS targets
    FROM sp_available_kver AS a
    WHERE a.distro = kver.distro AND a.version = kver.version AND a.deleted_at = '-infinity'
) AS available ON true
LEFT JOIN (
    SELECT h.distro, h.version, count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
    FROM cust_host_kver AS h JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
    WHERE h.deleted_at = '-infinity'
    GROUP BY h.distro, h.version
) AS hosts ON hosts.distro = kver.distro AND hosts.version = kver.version;
COMMENT ON VIEW kver_status IS 'How far each kernel version has come, one row each.';
COMMENT ON COLUMN kver_status.distro IS 'The distribution that ships the kernel.';
COMMENT ON COLUMN kver_status.version IS 'The kernel version as a host reports it.';
COMMENT ON COLUMN kver_status.stage IS 'The furthest that it has come, for whichever revision: known, seen, fetched, built, tested, available.';
COMMENT ON COLUMN kver_status.archived IS 'Whether it is no longer taken into consideration.';
COMMENT ON COLUMN kver_status.ignored IS 'Whether it matches a live pattern of kver_ignore.';
COMMENT ON COLUMN kver_status.seen_at IS 'When it was first seen upstream.';
COMMENT ON COLUMN kver_status.fetched_at IS 'When its headers were fetched.';
COMMENT ON COLUMN kver_status.build_id IS 'The newest build for it.';
COMMENT ON COLUMN kver_status.build_at IS 'When that build was started.';
COMMENT ON COLUMN kver_status.build_result IS 'What that build came to for it, in upper case; null while it runs.';
COMMENT ON COLUMN kver_status.built_by IS 'The newest build that succeeded for it.';
COMMENT ON COLUMN kver_status.test_id IS 'The newest test run for it.';
COMMENT ON COLUMN kver_status.test_at IS 'When that run was started.';
COMMENT ON COLUMN kver_status.test_result IS 'What that run came to for it, in upper case; null while it runs.';
COMMENT ON COLUMN kver_status.tested_by IS 'The newest test run that succeeded for it.';
COMMENT ON COLUMN kver_status.available_for IS 'The release targets that modules for it are available for, of whichever revision; null when for none.';
COMMENT ON COLUMN kver_status.hosts_running IS 'How many of customers'' hosts run it.';
COMMENT ON COLUMN kver_status.hosts_installed IS 'How many of customers'' hosts have it installed, running or not.';
GRANT SELECT ON kver_status TO sqern_reader, sqern_writer;
