-- after: run_holds_kernels.sql
CREATE OR REPLACE VIEW sp_build_outcome AS
SELECT k.distro, k.version, b.id AS build_id, b.tstamp, b.storpool_revision, b.release_target, b.dockernel_profile,
    upper(coalesce(k.result, b.result)) AS result, coalesce(k.success, b.success, false) AS is_success,
    run_holds_kernels(coalesce(k.result, b.result), l.expires_at, b.tstamp) AS is_held
FROM sp_build_kver AS k
JOIN sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
LEFT JOIN sp_build_lease AS l ON l.build_id = b.id
WHERE k.deleted_at = '-infinity';
COMMENT ON VIEW sp_build_outcome IS 'Outcome of each build for each of its kernels. The result of a kernel replaces the result of the whole build.';
COMMENT ON COLUMN sp_build_outcome.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN sp_build_outcome.version IS 'Kernel version as printed by uname -r.';
COMMENT ON COLUMN sp_build_outcome.build_id IS 'ID of the build.';
COMMENT ON COLUMN sp_build_outcome.tstamp IS 'Start time of the build.';
COMMENT ON COLUMN sp_build_outcome.storpool_revision IS 'Revision that was built.';
COMMENT ON COLUMN sp_build_outcome.release_target IS 'Release target of the build.';
COMMENT ON COLUMN sp_build_outcome.dockernel_profile IS 'Profile of the build.';
COMMENT ON COLUMN sp_build_outcome.result IS 'Result of the build for the kernel, in upper case. Null while the build is in progress.';
COMMENT ON COLUMN sp_build_outcome.is_success IS 'Whether the build succeeded for the kernel. False while the build is in progress.';
COMMENT ON COLUMN sp_build_outcome.is_held IS 'Whether the build is in progress and holds the kernel, so that no other build can claim it.';
