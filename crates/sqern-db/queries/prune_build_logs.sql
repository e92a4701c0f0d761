-- $1 maximum age in seconds. Deletes the logs of older builds, except for builds in progress.
DELETE FROM sp_build_kver_log AS log
USING sp_build_kver AS k JOIN sp_build AS b ON b.id = k.build_id
WHERE k.id = log.build_kver_id AND b.tstamp < now() - make_interval(secs => $1) AND b.result IS NOT NULL
