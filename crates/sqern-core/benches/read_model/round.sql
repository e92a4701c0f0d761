-- Round {round}: a build of two fifths of the kernels, a test of two fifths of the builds, modules of some builds, and a report of all hosts. Each
-- part is a generation. The first 4 reports insert the hosts, with 5 kernels each. In each report, a seventh of the hosts runs another kernel.
INSERT INTO sp_build (tstamp, result, storpool_revision, release_target, dockernel_profile)
SELECT '2025-01-01'::timestamptz + b * interval '1 day', CASE b % 10 WHEN 0 THEN 'FAILURE' WHEN 5 THEN 'UNSTABLE' WHEN 7 THEN 'ABORTED' ELSE 'SUCCESS' END,
    'r' || b / 4, 'target' || b % 4, 'p1'
FROM (VALUES ({round})) AS round (b);
INSERT INTO sp_build_kver (build_id, distro, version, result)
SELECT b.id, n.distro, n.version, CASE WHEN (n.hash * 7 + b.id * 13) % 29 = 0 THEN 'FAILURE' WHEN (n.hash + b.id) % 211 = 0 THEN 'ABORTED' END
FROM sp_build AS b JOIN numbered AS n ON (n.n * 31 + b.id * 17) % 5 < 2 AND n.hash % 10 <> 2
WHERE b.id = {round};
-- next generation
INSERT INTO sp_test (tstamp, build_id) SELECT tstamp + interval '6 hours', id FROM sp_build WHERE id = {round} AND id % 5 < 2;
INSERT INTO sp_test_result (test_id, result) SELECT id, CASE id % 7 WHEN 0 THEN 'FAILURE' ELSE 'SUCCESS' END FROM sp_test WHERE build_id = {round};
INSERT INTO sp_test_kver (test_id, distro, version, result)
SELECT t.id, k.distro, k.version, CASE WHEN hashtext(k.version || t.id) % 13 = 0 THEN 'FAILURE' END
FROM sp_test AS t JOIN sp_build_kver AS k ON k.build_id = t.build_id AND k.id % 2 = 0
WHERE t.build_id = {round};
-- next generation
INSERT INTO sp_available_kver (tstamp, storpool_revision, release_target, distro, version)
SELECT b.tstamp + interval '1 day', b.storpool_revision, b.release_target, k.distro, k.version
FROM sp_build AS b JOIN sp_build_kver AS k ON k.build_id = b.id
WHERE b.id = {round} AND b.id % 7 = 1 AND k.success IS NOT FALSE AND b.success AND hashtext(k.version) % 4 <> 0;
-- next generation
INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
SELECT 'cluster' || lpad((1 + h % 2000)::text, 4, '0'), 'host' || lpad(h::text, 6, '0'), n.distro, n.version, i = h / 2000 % 5
FROM generate_series(1 + ({round} - 1) * {hosts} / 4, CASE WHEN {round} <= 4 THEN {round} * {hosts} / 4 ELSE 0 END) AS h
CROSS JOIN generate_series(0, 4) AS i
JOIN numbered AS n
    ON n.n = 1 + h % 50 * {per_distro} + (hashtext('x' || h % 2000 || '.' || h / 2000 % 3) & 1023) * ({per_distro} - 30) / 1024 + i;
INSERT INTO host_kernel
SELECT k.id, substr(k.host_name, 5)::integer, row_number() OVER (PARTITION BY k.host_name ORDER BY n.n) - 1
FROM cust_host_kver AS k JOIN numbered AS n USING (distro, version)
WHERE {round} = 4;
UPDATE cust_host_kver AS k SET current = false FROM host_kernel AS n WHERE n.id = k.id AND k.current AND n.host % 7 = {round} % 7;
UPDATE cust_host_kver AS k SET current = true FROM host_kernel AS n
WHERE n.id = k.id AND NOT k.current AND n.host % 7 = {round} % 7 AND n.i = ({round} / 7 + n.host / 2000) % 5;
