-- Each table is read whole and grouped, not looked up kernel by kernel: that is quicker for all kernels, and the only way where a past
-- state takes the tables' places, which has no index. For one kernel, or one distro, the conditions reach into the groups.
CREATE OR REPLACE VIEW kver_status AS
SELECT kver.distro, kver.version,
    CASE
        WHEN available.targets IS NOT NULL THEN 'available'
        WHEN tests.success_id IS NOT NULL THEN 'tested'
        WHEN builds.success_id IS NOT NULL THEN 'built'
        WHEN fetched.version IS NOT NULL THEN 'fetched'
        WHEN seen.version IS NOT NULL THEN 'seen'
        ELSE 'known'
    END AS stage,
    kver.archived, ignored.version IS NOT NULL AS ignored,
    seen.tstamp AS seen_at, fetched.tstamp AS fetched_at,
    builds.last_id AS build_id, build.tstamp AS build_at, upper(coalesce(build_kver.result, build.result)) AS build_result,
    builds.success_id AS built_by,
    tests.last_id AS test_id, test.tstamp AS test_at, upper(coalesce(test_kver.result, test_result.result)) AS test_result,
    tests.success_id AS tested_by,
    available.targets AS available_for,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed,
    known.tstamp AS known_at, builds.built_at, tests.tested_at, available.tstamp AS available_at,
    CASE
        WHEN available.targets IS NOT NULL THEN NULL
        WHEN tests.success_id IS NOT NULL THEN 'not published'
        WHEN builds.success_id IS NOT NULL THEN
            CASE
                WHEN tries.last_id IS NULL THEN 'not tested'
                WHEN tried.result IS NULL THEN 'testing'
                WHEN tried.result IN ('FAILURE', 'UNSTABLE') THEN 'test failed'
                ELSE 'harness failed'
            END
        WHEN builds.last_id IS NOT NULL THEN
            CASE
                WHEN coalesce(build_kver.result, build.result) IS NULL THEN 'building'
                WHEN upper(coalesce(build_kver.result, build.result)) IN ('FAILURE', 'UNSTABLE') THEN 'build failed'
                ELSE 'harness failed'
            END
        WHEN fetched.version IS NOT NULL THEN 'not built'
        WHEN seen.version IS NOT NULL THEN 'not fetched'
        ELSE 'not seen'
    END AS missing,
    CASE
        WHEN available.targets IS NOT NULL THEN NULL
        WHEN tests.success_id IS NOT NULL THEN tests.tested_at
        WHEN builds.success_id IS NOT NULL THEN
            CASE
                WHEN tries.last_id IS NULL THEN builds.built_at
                WHEN tried.result IN ('FAILURE', 'UNSTABLE') THEN tries.failed_at
                ELSE tried.tstamp
            END
        WHEN builds.last_id IS NOT NULL THEN
            CASE
                WHEN upper(coalesce(build_kver.result, build.result)) IN ('FAILURE', 'UNSTABLE') THEN builds.failed_at
                ELSE build.tstamp
            END
        ELSE coalesce(fetched.tstamp, seen.tstamp, known.tstamp)
    END AS missing_since
FROM kver
LEFT JOIN kver_ignored AS ignored ON ignored.distro = kver.distro AND ignored.version = kver.version
LEFT JOIN kver_seen AS seen ON seen.distro = kver.distro AND seen.version = kver.version
LEFT JOIN kver_fetched AS fetched ON fetched.distro = kver.distro AND fetched.version = kver.version
LEFT JOIN (
    SELECT k.distro, k.version, max(b.id) AS last_id, max(b.id) FILTER (WHERE coalesce(k.success, b.success)) AS success_id,
        min(b.tstamp) FILTER (WHERE coalesce(k.success, b.success)) AS built_at,
        min(b.tstamp) FILTER (WHERE upper(coalesce(k.result, b.result)) IN ('FAILURE', 'UNSTABLE')) AS failed_at
    FROM sp_build_kver AS k JOIN sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
    WHERE k.deleted_at = '-infinity'
    GROUP BY k.distro, k.version
) AS builds ON builds.distro = kver.distro AND builds.version = kver.version
LEFT JOIN sp_build AS build ON build.id = builds.last_id
LEFT JOIN sp_build_kver AS build_kver
    ON build_kver.build_id = builds.last_id AND build_kver.distro = kver.distro AND build_kver.version = kver.version
    AND build_kver.deleted_at = '-infinity'
LEFT JOIN (
    SELECT k.distro, k.version, max(t.id) AS last_id, max(t.id) FILTER (WHERE coalesce(k.success, r.success)) AS success_id,
        min(t.tstamp) FILTER (WHERE coalesce(k.success, r.success)) AS tested_at
    FROM sp_test_kver AS k JOIN sp_test AS t ON t.id = k.test_id AND t.deleted_at = '-infinity'
    LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.deleted_at = '-infinity'
    GROUP BY k.distro, k.version
) AS tests ON tests.distro = kver.distro AND tests.version = kver.version
LEFT JOIN sp_test AS test ON test.id = tests.last_id
LEFT JOIN sp_test_kver AS test_kver
    ON test_kver.test_id = tests.last_id AND test_kver.distro = kver.distro AND test_kver.version = kver.version
    AND test_kver.deleted_at = '-infinity'
LEFT JOIN sp_test_result AS test_result ON test_result.test_id = tests.last_id AND test_result.deleted_at = '-infinity'
LEFT JOIN (
    SELECT k.distro, k.version, t.build_id, max(t.id) AS last_id,
        min(t.tstamp) FILTER (WHERE upper(coalesce(k.result, r.result)) IN ('FAILURE', 'UNSTABLE')) AS failed_at
    FROM sp_test_kver AS k JOIN sp_test AS t ON t.id = k.test_id AND t.deleted_at = '-infinity'
    LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.deleted_at = '-infinity'
    GROUP BY k.distro, k.version, t.build_id
) AS tries ON tries.distro = kver.distro AND tries.version = kver.version AND tries.build_id = builds.success_id
LEFT JOIN (
    SELECT k.distro, k.version, k.test_id, t.tstamp, upper(coalesce(k.result, r.result)) AS result
    FROM sp_test_kver AS k JOIN sp_test AS t ON t.id = k.test_id
    LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.deleted_at = '-infinity'
) AS tried ON tried.distro = kver.distro AND tried.version = kver.version AND tried.test_id = tries.last_id
LEFT JOIN (
    SELECT a.distro, a.version, array_agg(DISTINCT a.release_target ORDER BY a.release_target) AS targets, min(a.tstamp) AS tstamp
    FROM sp_available_kver AS a
    WHERE a.deleted_at = '-infinity'
    GROUP BY a.distro, a.version
) AS available ON available.distro = kver.distro AND available.version = kver.version
LEFT JOIN (
    SELECT e.pkey ->> 'distro' AS distro, e.pkey ->> 'version' AS version, max(e.tstamp) AS tstamp
    FROM event AS e
    WHERE e.table_name = 'kver' AND e.action = 'insert'
    GROUP BY 1, 2
) AS known ON known.distro = kver.distro AND known.version = kver.version
LEFT JOIN (
    SELECT h.distro, h.version, count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
    FROM cust_host_kver AS h JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
    WHERE h.deleted_at = '-infinity'
    GROUP BY h.distro, h.version
) AS hosts ON hosts.distro = kver.distro AND hosts.version = kver.version;
COMMENT ON VIEW kver_status IS 'How far each kernel version has come, and what is missing until it is available, one row each.';
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
COMMENT ON COLUMN kver_status.known_at IS 'When it was first recorded, as the journal tells.';
COMMENT ON COLUMN kver_status.built_at IS 'When the first build that succeeded for it was started.';
COMMENT ON COLUMN kver_status.tested_at IS 'When the first test run that succeeded for it was started.';
COMMENT ON COLUMN kver_status.available_at IS 'When it first became available, of what is available now.';
COMMENT ON COLUMN kver_status.missing IS 'What is missing next until it is available: not seen, not fetched, not built, building, build failed, not tested, testing, test failed, not published; or harness failed, where the newest try was cut off. Null where it is available.';
COMMENT ON COLUMN kver_status.missing_since IS 'Since when: the time of what came before it, or of the first of the tries that failed.';
GRANT SELECT ON kver_status TO sqern_reader, sqern_writer;
