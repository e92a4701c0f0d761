-- Fills the tables: {kernels} kernels of 50 distributions, 112 builds of two fifths of the kernels, tests of 45 of them, {hosts} hosts with 5
-- kernels each in 2,000 clusters. The journal contains only the kernels. The values depend on hashes, so each run has the same.
INSERT INTO distro (name, variant, supported) SELECT 'distro' || lpad(d::text, 2, '0'), 'V' || d, true FROM generate_series(1, 50) AS d;
INSERT INTO kver (distro, version, archived)
SELECT 'distro' || lpad((1 + k % 50)::text, 2, '0'), format('%s.%s.%s-%s-generic', 4 + k % 3, k / 50 % 20, k / 1000, lpad(k::text, 5, '0')), k % 97 = 0
FROM generate_series(1, {kernels}) AS k;
INSERT INTO kver_ignore (distro, pattern) SELECT name, '%-0_1__-generic' FROM distro WHERE name < 'distro26';

SET session_replication_role = replica;
CREATE TEMPORARY TABLE numbered AS
SELECT row_number() OVER (ORDER BY distro, version) AS n, distro, version, hashtext(distro || version) & 1023 AS hash FROM kver;
ALTER TABLE numbered ADD PRIMARY KEY (n);
ANALYZE numbered;
INSERT INTO kver_seen (distro, version, tstamp)
SELECT distro, version, '2024-01-01'::timestamptz + n * interval '15 minutes' FROM numbered WHERE hash % 40 <> 0;
INSERT INTO kver_fetched (distro, version, tstamp)
SELECT distro, version, '2024-01-01'::timestamptz + n * interval '15 minutes' + interval '3 hours' FROM numbered WHERE hash % 40 <> 0 AND hash % 10 <> 1;
INSERT INTO sp_build (tstamp, result, storpool_revision, release_target, dockernel_profile)
SELECT '2025-01-01'::timestamptz + b * interval '1 day', CASE b % 10 WHEN 0 THEN 'FAILURE' WHEN 5 THEN 'UNSTABLE' WHEN 7 THEN 'ABORTED' ELSE 'SUCCESS' END,
    'r' || b / 4, 'target' || b % 4, 'p1'
FROM generate_series(1, 112) AS b;
INSERT INTO sp_build_kver (build_id, distro, version, result)
SELECT b.id, n.distro, n.version, CASE WHEN (n.hash * 7 + b.id * 13) % 29 = 0 THEN 'FAILURE' WHEN (n.hash + b.id) % 211 = 0 THEN 'ABORTED' END
FROM sp_build AS b JOIN numbered AS n ON (n.n * 31 + b.id * 17) % 5 < 2 AND n.hash % 10 <> 2;
INSERT INTO sp_test (tstamp, build_id) SELECT tstamp + interval '6 hours', id FROM sp_build WHERE id % 5 < 2;
INSERT INTO sp_test_result (test_id, result) SELECT id, CASE id % 7 WHEN 0 THEN 'FAILURE' ELSE 'SUCCESS' END FROM sp_test;
INSERT INTO sp_test_kver (test_id, distro, version, result)
SELECT t.id, k.distro, k.version, CASE WHEN hashtext(k.version || t.id) % 13 = 0 THEN 'FAILURE' END
FROM sp_test AS t JOIN sp_build_kver AS k ON k.build_id = t.build_id AND k.id % 2 = 0;
INSERT INTO sp_available_kver (tstamp, storpool_revision, release_target, distro, version)
SELECT b.tstamp + interval '1 day', b.storpool_revision, b.release_target, k.distro, k.version
FROM sp_build AS b JOIN sp_build_kver AS k ON k.build_id = b.id
WHERE b.id % 7 = 1 AND k.success IS NOT FALSE AND b.success AND hashtext(k.version) % 4 <> 0;
INSERT INTO cust_cluster (name, cltype) SELECT 'cluster' || lpad(c::text, 4, '0'), 1 + c % 6 FROM generate_series(1, 2000) AS c;
INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
SELECT 'cluster' || lpad((1 + h % 2000)::text, 4, '0'), 'host' || lpad(h::text, 6, '0'), n.distro, n.version, i = h / 2000 % 5
FROM generate_series(1, {hosts}) AS h
CROSS JOIN generate_series(0, 4) AS i
JOIN numbered AS n
    ON n.n = 1 + h % 50 * {per_distro} + (hashtext('x' || h % 2000 || '.' || h / 2000 % 3) & 1023) * ({per_distro} - 30) / 1024 + i;
RESET session_replication_role;
