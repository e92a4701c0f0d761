-- $1 now. Updates the clusters with a different type, and the restored and deleted clusters.
UPDATE cust_cluster AS c
SET cltype = coalesce(d.becomes, c.cltype), deleted_at = CASE WHEN d.becomes IS NULL THEN $1 ELSE '-infinity'::timestamptz END
FROM cust_cluster_diff AS d
WHERE d.name = c.name AND d.was IS NOT NULL
