-- $1 whether to keep clusters that the report does not contain. Records the changes of clusters: new, of a different type, restored, deleted.
INSERT INTO cust_cluster_diff (name, was, was_live, becomes)
SELECT coalesce(c.name, r.name), c.cltype, c.deleted_at = '-infinity', r.cltype
FROM cust_cluster AS c
FULL JOIN (SELECT name, cltype FROM cust_report_cluster WHERE cluster = first) AS r ON r.name = c.name
WHERE CASE
    WHEN r.name IS NULL THEN c.deleted_at = '-infinity' AND NOT $1
    ELSE c.name IS NULL OR c.cltype <> r.cltype OR c.deleted_at <> '-infinity'
END
