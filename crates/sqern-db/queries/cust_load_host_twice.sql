-- Returns the first duplicate host. Only the first row of a host has its line.
SELECT c.first AS cluster, r.host, min(r.line) AS first_line, min(r.record) AS first_record,
    max(r.line) AS last_line, max(r.record) AS last_record
FROM cust_report AS r
JOIN cust_report_cluster AS c ON c.cluster = r.cluster
WHERE r.record IS NOT NULL
GROUP BY c.first, r.host
HAVING count(*) > 1
ORDER BY min(r.record)
LIMIT 1
