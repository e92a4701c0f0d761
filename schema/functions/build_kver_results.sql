-- after: run_holds_kernels.sql
-- The setting prevents the planner from inlining the function. It would otherwise expect as many kernels in each build as in the average build,
-- although a claim of one kernel is a build with one kernel. OFFSET makes it look up the kernels of each build for the same reason.
CREATE OR REPLACE FUNCTION build_kver_results(revision text, target text, profile text)
RETURNS TABLE (distro text, version text, build_id bigint, result text, is_done boolean)
LANGUAGE sql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    SELECT k.distro, k.version, b.id, upper(coalesce(k.result, b.result)),
        coalesce(k.success, b.success, false) OR public.run_holds_kernels(coalesce(k.result, b.result), l.expires_at, b.tstamp)
    FROM public.sp_build AS b
    LEFT JOIN public.sp_build_lease AS l ON l.build_id = b.id
    CROSS JOIN LATERAL (
        SELECT * FROM public.sp_build_kver AS k WHERE k.build_id = b.id AND k.deleted_at = '-infinity' OFFSET 0
    ) AS k
    WHERE b.deleted_at = '-infinity'
      AND (build_kver_results.revision IS NULL OR b.storpool_revision = build_kver_results.revision)
      AND (build_kver_results.target IS NULL OR b.release_target = build_kver_results.target)
      AND (build_kver_results.profile IS NULL OR b.dockernel_profile = build_kver_results.profile)
$$;
COMMENT ON FUNCTION build_kver_results(text, text, text) IS 'Returns the kernels of the builds of a revision, release target and profile (null: all), with the result of each kernel in upper case. The column is_done indicates whether the build succeeded for the kernel or has claimed it.';
REVOKE ALL ON FUNCTION build_kver_results(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION build_kver_results(text, text, text) TO sqern_reader, sqern_writer;
