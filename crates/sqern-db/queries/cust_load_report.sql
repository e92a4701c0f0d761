-- $1 lines, $2 records, $3 clusters, $4 cluster types, $5 whether each kernel runs, $6 hosts, $7 distributions, $8 versions, $9 cluster names
-- In the FROM clause, unnest() would first store all rows, which takes about twice as long.
INSERT INTO cust_report (line, record, cluster, cltype, current, host, distro, version, name)
SELECT unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::integer[]), unnest($4::integer[]), unnest($5::boolean[]), unnest($6::text[]),
    unnest($7::text[]), unnest($8::text[]), unnest($9::text[])
