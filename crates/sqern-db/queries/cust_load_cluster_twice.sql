-- $1 whether a report may contain a cluster more than once, with the same type. Returns the first duplicate that is not permitted, and the
-- first occurrence of its cluster.
SELECT r.name, f.line AS first_line, f.cltype AS first_type, r.line AS second_line, r.cltype AS second_type
FROM cust_report_cluster AS r
JOIN cust_report_cluster AS f ON f.cluster = r.first
WHERE CASE WHEN $1 THEN r.cltype <> f.cltype ELSE r.cluster <> f.cluster END
ORDER BY r.cluster
LIMIT 1
