-- $1 distro, $2 version, $3 maximum number of rows. Returns the newest builds of a kernel, with the end of its log.
SELECT b.id, NULL::bigint AS build, b.tstamp, b.storpool_revision, b.release_target, NULL::text AS flavor,
    upper(coalesce(k.result, b.result)) AS result,
    log.host, log.path, log.tail
FROM sp_build_kver AS k
JOIN sp_build AS b ON b.id = k.build_id AND b.deleted_at = '-infinity'
LEFT JOIN sp_build_kver_log AS log ON log.build_kver_id = k.id
WHERE k.distro = $1 AND k.version = $2 AND k.deleted_at = '-infinity'
ORDER BY b.id DESC
LIMIT $3
