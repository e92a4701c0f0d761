-- after: kver_status.sql
-- Returns the rows of kver_status for some kernels, with index lookups for each kernel instead of reading the tables. A condition on
-- kver_status for many kernels reads all rows of their builds.
CREATE OR REPLACE FUNCTION kver_status_of(distros text[], versions text[]) RETURNS SETOF kver_status
LANGUAGE sql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
SELECT kver.distro, kver.version,
    stage.stage,
    kver.archived, ignored.version IS NOT NULL AS ignored,
    seen.tstamp AS seen_at, fetched.tstamp AS fetched_at,
    builds.last_id AS build_id, last_build.tstamp AS build_at, last_build.result AS build_result,
    builds.success_id AS built_by,
    tests.last_id AS test_id, last_test.tstamp AS test_at, last_test.result AS test_result,
    tests.success_id AS tested_by,
    available.targets AS available_for,
    hosts.running AS hosts_running, hosts.installed AS hosts_installed,
    known.tstamp AS known_at, builds.built_at, tests.tested_at, available.tstamp AS available_at,
    missing.missing,
    public.kver_missing_since(missing.missing, stage.stage, coalesce(fetched.tstamp, seen.tstamp, known.tstamp), last_build.tstamp, builds.failed_at,
        builds.built_at, last_try.tstamp, tries.failed_at, tests.tested_at) AS missing_since
FROM unnest(distros, versions) AS named (distro, version)
JOIN public.kver ON kver.distro = named.distro AND kver.version = named.version
LEFT JOIN public.kver_ignored AS ignored ON ignored.distro = kver.distro AND ignored.version = kver.version
LEFT JOIN public.kver_seen AS seen ON seen.distro = kver.distro AND seen.version = kver.version
LEFT JOIN public.kver_fetched AS fetched ON fetched.distro = kver.distro AND fetched.version = kver.version
CROSS JOIN LATERAL (
    SELECT max(b.id) AS last_id, max(b.id) FILTER (WHERE coalesce(k.success, b.success)) AS success_id,
        min(b.tstamp) FILTER (WHERE coalesce(k.success, b.success)) AS built_at,
        min(b.tstamp) FILTER (WHERE upper(coalesce(k.result, b.result)) IN ('FAILURE', 'UNSTABLE')) AS failed_at
    FROM public.sp_build_kver AS k JOIN public.sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.deleted_at = '-infinity'
) AS builds
LEFT JOIN LATERAL (
    SELECT b.tstamp, upper(coalesce(k.result, b.result)) AS result
    FROM public.sp_build_kver AS k JOIN public.sp_build AS b ON b.id = k.build_id
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.build_id = builds.last_id AND k.deleted_at = '-infinity'
    LIMIT 1  -- makes the planner look up each kernel
) AS last_build ON true
CROSS JOIN LATERAL (
    SELECT max(t.id) AS last_id, max(t.id) FILTER (WHERE coalesce(k.success, r.success)) AS success_id,
        min(t.tstamp) FILTER (WHERE coalesce(k.success, r.success)) AS tested_at
    FROM public.sp_test_kver AS k JOIN public.sp_test AS t ON t.id = k.test_id AND t.deleted_at = '-infinity'
    LEFT JOIN public.sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.deleted_at = '-infinity'
) AS tests
CROSS JOIN LATERAL (
    SELECT max(t.id) AS last_id,
        min(t.tstamp) FILTER (WHERE upper(coalesce(k.result, r.result)) IN ('FAILURE', 'UNSTABLE')) AS failed_at
    FROM public.sp_test_kver AS k JOIN public.sp_test AS t ON t.id = k.test_id AND t.deleted_at = '-infinity'
    LEFT JOIN public.sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.deleted_at = '-infinity' AND t.build_id = builds.success_id
) AS tries
LEFT JOIN LATERAL (
    SELECT t.tstamp, upper(coalesce(k.result, r.result)) AS result
    FROM public.sp_test_kver AS k JOIN public.sp_test AS t ON t.id = k.test_id
    LEFT JOIN public.sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.test_id = tests.last_id AND k.deleted_at = '-infinity'
    LIMIT 1
) AS last_test ON true
LEFT JOIN LATERAL (
    SELECT t.tstamp, upper(coalesce(k.result, r.result)) AS result
    FROM public.sp_test_kver AS k JOIN public.sp_test AS t ON t.id = k.test_id
    LEFT JOIN public.sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
    WHERE k.distro = kver.distro AND k.version = kver.version AND k.test_id = tries.last_id AND k.deleted_at = '-infinity'
    LIMIT 1
) AS last_try ON true
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT a.release_target ORDER BY a.release_target) AS targets, min(a.tstamp) AS tstamp
    FROM public.sp_available_kver AS a
    WHERE a.distro = kver.distro AND a.version = kver.version AND a.deleted_at = '-infinity'
) AS available
CROSS JOIN LATERAL (
    SELECT max(e.tstamp) AS tstamp
    FROM public.event AS e
    WHERE e.table_name = 'kver' AND e.action = 'insert' AND e.pkey ->> 'distro' = kver.distro AND e.pkey ->> 'version' = kver.version
) AS known
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE h.current) AS running, count(*) AS installed
    FROM public.cust_host_kver AS h JOIN public.cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
    WHERE h.distro = kver.distro AND h.version = kver.version AND h.deleted_at = '-infinity'
) AS hosts
CROSS JOIN LATERAL (
    SELECT public.kver_stage(seen.version IS NOT NULL, fetched.version IS NOT NULL, builds.success_id IS NOT NULL,
        tests.success_id IS NOT NULL, available.targets IS NOT NULL) AS stage
) AS stage
CROSS JOIN LATERAL (
    SELECT public.kver_missing(stage.stage, builds.last_id, last_build.result, tries.last_id, last_try.result) AS missing
) AS missing
$$;
COMMENT ON FUNCTION kver_status_of(text[], text[]) IS 'Returns the rows of kver_status for the kernels with these distributions and versions, two arrays of the same length. Kernels that do not exist are omitted.';
REVOKE ALL ON FUNCTION kver_status_of(text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_status_of(text[], text[]) TO sqern_reader, sqern_writer;
