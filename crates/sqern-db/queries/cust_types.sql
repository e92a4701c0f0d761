SELECT t.id, t.name, count(c.name) AS clusters
FROM cust_cluster_type AS t
LEFT JOIN cust_cluster AS c ON c.cltype = t.id AND c.deleted_at = '-infinity'
GROUP BY t.id, t.name
ORDER BY t.id
