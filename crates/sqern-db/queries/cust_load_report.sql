-- $1 lines, $2 records, $3 clusters, $4 cluster types, $5 whether each kernel runs, $6 hosts, $7 distributions, $8 versions, $9 cluster names
INSERT INTO cust_report (line, record, cluster, cltype, current, host, distro, version, name)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[])
