-- $1 distro, $2 version, $3 maximum number of rows. Returns the newest test runs of a kernel, with the end of its log.
SELECT t.id, t.build_id AS build, t.tstamp, b.storpool_revision, b.release_target, t.test_flavor AS flavor,
    upper(coalesce(k.result, r.result)) AS result,
    log.host, log.path, log.tail
FROM sp_test_kver AS k
JOIN sp_test AS t ON t.id = k.test_id AND t.deleted_at = '-infinity'
JOIN sp_build AS b ON b.id = t.build_id
LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
LEFT JOIN sp_test_kver_log AS log ON log.test_kver_id = k.id
WHERE k.distro = $1 AND k.version = $2 AND k.deleted_at = '-infinity'
ORDER BY t.id DESC
LIMIT $3
