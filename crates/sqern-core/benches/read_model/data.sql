-- Inserts {kernels} kernels of 50 distributions, and 2,000 clusters. The values depend on hashes, so each run has the same.
INSERT INTO distro (name, variant, supported) SELECT 'distro' || lpad(d::text, 2, '0'), 'V' || d, true FROM generate_series(1, 50) AS d;
INSERT INTO kver (distro, version, archived)
SELECT 'distro' || lpad((1 + k % 50)::text, 2, '0'), format('%s.%s.%s-%s-generic', 4 + k % 3, k / 50 % 20, k / 1000, lpad(k::text, 5, '0')), k % 97 = 0
FROM generate_series(1, {kernels}) AS k;
INSERT INTO kver_ignore (distro, pattern) SELECT name, '%-0_1__-generic' FROM distro WHERE name < 'distro26';
CREATE TEMPORARY TABLE numbered AS
SELECT row_number() OVER (ORDER BY distro, version) AS n, distro, version, hashtext(distro || version) & 1023 AS hash FROM kver;
ALTER TABLE numbered ADD PRIMARY KEY (n);
CREATE TEMPORARY TABLE host_kernel (id bigint PRIMARY KEY, host integer, i integer);
ANALYZE numbered;
INSERT INTO kver_seen (distro, version, tstamp)
SELECT distro, version, '2024-01-01'::timestamptz + n * interval '15 minutes' FROM numbered WHERE hash % 40 <> 0;
INSERT INTO kver_fetched (distro, version, tstamp)
SELECT distro, version, '2024-01-01'::timestamptz + n * interval '15 minutes' + interval '3 hours' FROM numbered WHERE hash % 40 <> 0 AND hash % 10 <> 1;
INSERT INTO cust_cluster (name, cltype) SELECT 'cluster' || lpad(c::text, 4, '0'), 1 + c % 6 FROM generate_series(1, 2000) AS c;
