-- Creates kernel versions of 20 distributions, and 200 patterns that match about one of 9 versions: 5 prefixes and 5 suffixes for each
-- distribution. Triggers and foreign keys are disabled for the versions, and enabled for the patterns.
DELETE FROM cust_cluster;
DELETE FROM distro;
INSERT INTO distro (name, variant, supported) SELECT 'distro' || d, 'DISTRO' || d, true FROM generate_series(1, 20) AS d;

SET session_replication_role = replica;
INSERT INTO kver (distro, version)
SELECT 'distro' || 1 + n % 20, format('%s.%s.0-%s-amd64', 4 + n / 20 % 3, n / 60 % 20, lpad((n / 20)::text, 7, '0'))
FROM generate_series(0, VERSIONS - 1) AS n;
RESET session_replication_role;
VACUUM ANALYZE kver;

INSERT INTO kver_ignore (distro, pattern)
SELECT 'distro' || d, pattern
FROM generate_series(1, 20) AS d,
     LATERAL (SELECT format('%s.%s.0-%%', 4 + p % 3, 3 * p) FROM generate_series(1, 5) AS p
              UNION ALL SELECT format('%%%s7-amd64', p) FROM generate_series(1, 5) AS p) AS patterns (pattern);

-- The rows of kver_not_ignored, computed from the patterns.
CREATE MATERIALIZED VIEW bench.refreshed AS
SELECT kver.distro, kver.version
FROM kver
WHERE NOT kver.archived
  AND NOT EXISTS (SELECT FROM kver_ignore i
                  WHERE i.distro = kver.distro AND i.deleted_at = '-infinity' AND kver.version LIKE i.pattern);
TRUNCATE event, generation, generation_commit;
VACUUM ANALYZE;
