-- Records the clusters of the report, each with the number of the first cluster of the same name.
INSERT INTO cust_report_cluster (cluster, first, name, cltype, line)
SELECT r.cluster, first_value(r.cluster) OVER (PARTITION BY r.name ORDER BY r.cluster), r.name, r.cltype, r.line
FROM cust_report AS r
WHERE r.name IS NOT NULL
