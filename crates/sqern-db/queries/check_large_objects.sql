SELECT format('role %s has stored %s large objects (to remove them: SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = %L::regrole)',
              lomowner::regrole, count(*), lomowner::regrole)
FROM pg_largeobject_metadata
GROUP BY lomowner
