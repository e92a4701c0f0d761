-- $1 now
UPDATE cust_host_kver AS h SET deleted_at = $1 FROM cust_host_diff AS d WHERE d.id = h.id AND d.becomes IS NULL
