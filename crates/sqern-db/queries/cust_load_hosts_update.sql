-- $1 the value to set. The one that a host no longer runs comes before the one that it runs now: there is one current record at most.
UPDATE cust_host_kver AS h SET current = $1 FROM cust_host_diff AS d WHERE d.id = h.id AND d.becomes = $1
