-- $1 revision, $2 release target, $3 profile (null: all), $4 distros (empty: all), $5 whether a successful test is required, $6 flavor
-- (null: all), $7 whether to omit unwanted kernels and kernels whose modules were withdrawn
-- Returns the kernels with a successful build.
SELECT DISTINCT k.distro, k.version
FROM sp_build AS b
JOIN sp_build_kver AS k ON k.build_id = b.id AND k.deleted_at = '-infinity' AND coalesce(k.success, b.success)
WHERE b.deleted_at = '-infinity' AND b.storpool_revision = $1 AND b.release_target = $2
  AND ($3::text IS NULL OR b.dockernel_profile = $3)
  AND ($4::text[] = '{}' OR k.distro = ANY ($4))
  AND (NOT $5 OR EXISTS (
      SELECT FROM sp_test AS t
      JOIN sp_test_kver AS tk ON tk.test_id = t.id AND tk.deleted_at = '-infinity'
      LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
      WHERE t.build_id = b.id AND t.deleted_at = '-infinity' AND ($6::text IS NULL OR t.test_flavor = $6)
        AND tk.distro = k.distro AND tk.version = k.version AND coalesce(tk.success, r.success)))
  AND (NOT $7
       OR EXISTS (SELECT FROM kver_not_ignored AS wanted WHERE wanted.distro = k.distro AND wanted.version = k.version)
       AND NOT EXISTS (
           SELECT FROM sp_available_kver AS a
           WHERE a.storpool_revision = $1 AND a.release_target = $2 AND a.distro = k.distro AND a.version = k.version
             AND a.deleted_at <> '-infinity'))
