-- $1 maximum age in seconds. Deletes the logs of older test runs, except for test runs in progress.
DELETE FROM sp_test_kver_log AS log
USING sp_test_kver AS k JOIN sp_test AS t ON t.id = k.test_id
WHERE k.id = log.test_kver_id AND t.tstamp < now() - make_interval(secs => $1)
  AND EXISTS (SELECT FROM sp_test_result AS r WHERE r.test_id = t.id AND r.result IS NOT NULL AND r.deleted_at = '-infinity')
