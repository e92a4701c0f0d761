-- $1 revision, $2 release target, $3 profile (null: all), $4 distros and $5 versions of kernels
-- Returns the kernels that are in the plan of builds (build_plan.sql) without kernels with a successful or running build.
SELECT fetched.distro, fetched.version
FROM unnest($4::text[], $5::text[]) AS named (distro, version)
JOIN kver_fetched AS fetched ON fetched.distro = named.distro AND fetched.version = named.version
JOIN kver ON kver.distro = named.distro AND kver.version = named.version AND NOT kver.archived
LEFT JOIN kver_ignored AS ignored ON ignored.distro = named.distro AND ignored.version = named.version
LEFT JOIN LATERAL (
    SELECT true AS found
    FROM sp_build_outcome AS b
    WHERE b.distro = named.distro AND b.version = named.version AND (b.is_success OR b.is_held)
      AND ($1::text IS NULL OR b.storpool_revision = $1)
      AND ($2::text IS NULL OR b.release_target = $2)
      AND ($3::text IS NULL OR b.dockernel_profile = $3)
    LIMIT 1
) AS build ON true
WHERE ignored.version IS NULL AND build.found IS NULL
