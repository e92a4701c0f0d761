-- $1 value of `current`. Rows are set to false before others are set to true, because a host has at most one current row.
UPDATE cust_host_kver AS h SET current = $1 FROM cust_host_diff AS d WHERE d.id = h.id AND d.becomes = $1
