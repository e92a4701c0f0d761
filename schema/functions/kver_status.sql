-- after: kver_stage.sql
-- Each table is read completely and grouped. This is faster for all kernels than a lookup per kernel, and a past state has no indexes. The
-- planner pushes the conditions for one kernel or one distribution into the groups.
CREATE OR REPLACE VIEW kver_status AS
SELECT kver.distro, kver.version,
    stage.stage,
    kver.archived, ignored.version IS NOT NULL AS ignored,
    seen.tstamp AS seen_at, fetched.tstamp AS fetched_at,
    builds.last_id AS build_id, build.tstamp AS build_at, upper(coalesce(build_kver.result, build.result)) AS build_result,
    builds.success_id AS built_by,
    tests.last_id AS test_id, test.tstamp AS test_at, upper(coalesce(test_kver.result, test_result.result)) AS test_result,
    tests.success_id AS tested_by,
    available.targets AS available_for,
    coalesce(hosts.running, 0) AS hosts_running, coalesce(hosts.installed, 0) AS hosts_installed,
    known.tstamp AS known_at, builds.built_at, tests.tested_at, available.tstamp AS available_at,
    missing.missing,
    kver_missing_since(missing.missing, stage.stage, coalesce(fetched.tstamp, seen.tstamp, known.tstamp), build.tstamp, builds.failed_at,
        builds.built_at, tried.tstamp, tries.failed_at, tests.tested_at) AS missing_since
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
) AS hosts ON hosts.distro = kver.distro AND hosts.version = kver.version
CROSS JOIN LATERAL (
    SELECT kver_stage(seen.version IS NOT NULL, fetched.version IS NOT NULL, builds.success_id IS NOT NULL, tests.success_id IS NOT NULL,
        available.targets IS NOT NULL) AS stage
) AS stage
CROSS JOIN LATERAL (
    SELECT kver_missing(stage.stage, builds.last_id, upper(coalesce(build_kver.result, build.result)), tries.last_id, tried.result) AS missing
) AS missing;
COMMENT ON VIEW kver_status IS 'Stage and missing step of each kernel version.';
COMMENT ON COLUMN kver_status.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_status.version IS 'Kernel version as printed by uname -r.';
COMMENT ON COLUMN kver_status.stage IS 'Furthest stage with any revision: known, seen, fetched, built, tested or available.';
COMMENT ON COLUMN kver_status.archived IS 'Whether the kernel is archived. Plans skip archived kernels, and reports do not count them as missing.';
COMMENT ON COLUMN kver_status.ignored IS 'Whether the version matches a live pattern of kver_ignore.';
COMMENT ON COLUMN kver_status.seen_at IS 'Time at which the kernel was first found in a repository. Null if it was never found.';
COMMENT ON COLUMN kver_status.fetched_at IS 'Time at which the headers were fetched. Null if they are not fetched.';
COMMENT ON COLUMN kver_status.build_id IS 'ID of the newest build for the kernel. Null if there is none.';
COMMENT ON COLUMN kver_status.build_at IS 'Start time of the newest build.';
COMMENT ON COLUMN kver_status.build_result IS 'Result of the newest build for the kernel, in upper case. Null while the build is in progress.';
COMMENT ON COLUMN kver_status.built_by IS 'ID of the newest successful build for the kernel. Null if there is none.';
COMMENT ON COLUMN kver_status.test_id IS 'ID of the newest test run for the kernel. Null if there is none.';
COMMENT ON COLUMN kver_status.test_at IS 'Start time of the newest test run.';
COMMENT ON COLUMN kver_status.test_result IS 'Result of the newest test run for the kernel, in upper case. Null while the test run is in progress.';
COMMENT ON COLUMN kver_status.tested_by IS 'ID of the newest successful test run for the kernel. Null if there is none.';
COMMENT ON COLUMN kver_status.available_for IS 'Release targets for which modules of any revision are available. Null if there are none.';
COMMENT ON COLUMN kver_status.hosts_running IS 'Number of customer hosts that run the kernel.';
COMMENT ON COLUMN kver_status.hosts_installed IS 'Number of customer hosts on which the kernel is installed.';
COMMENT ON COLUMN kver_status.known_at IS 'Time of the event that added the kernel to kver.';
COMMENT ON COLUMN kver_status.built_at IS 'Start time of the first successful build, which need not be that of built_by. Null if there is none.';
COMMENT ON COLUMN kver_status.tested_at IS 'Start time of the first successful test run, which need not be that of tested_by. Null if there is none.';
COMMENT ON COLUMN kver_status.available_at IS 'Time at which the first of the available modules was marked as available. Null if there are none.';
COMMENT ON COLUMN kver_status.missing IS 'State of the missing step: not seen, not fetched, not built, building, build failed, not tested, testing, test failed, harness failed or not available. harness failed means that the newest build or test run ended without a result of the module (ABORTED or NOT_BUILT). Null if the kernel is available.';
COMMENT ON COLUMN kver_status.missing_since IS 'Time from which the step is missing: the time of the last stage, the start of the newest run, or the start of the first failed run. Null if the kernel is available.';
