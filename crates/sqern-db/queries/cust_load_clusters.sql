-- The report's clusters, each with the number of the first of its name.
INSERT INTO cust_report_cluster (cluster, first, name, cltype, line)
SELECT r.cluster, first_value(r.cluster) OVER (PARTITION BY r.name ORDER BY r.cluster), r.name, r.cltype, r.line
FROM cust_report AS r
WHERE r.name IS NOT NULL
