-- Creates the numbered rows for the measurements. They contain the values of all tables, so that an insert of the events of the journal
-- requires no other work. Columns that end in _then are the values after an update, which are in the event of the delete.
CREATE SCHEMA bench;

CREATE TABLE bench.source AS
SELECT n,
       'debian12'::text AS distro,
       format('6.1.0-%s-cloud-amd64', lpad(n::text, 7, '0')) AS version,
       false AS archived,
       true AS archived_then,
       format('host-%s.example', lpad(n::text, 7, '0')) AS host,
       n % 2 = 0 AS current,
       '2026-01-01 12:00:00.123456+00'::timestamptz + n * interval '1 second' AS tstamp,
       '2026-01-01 13:00:00.123456+00'::timestamptz + n * interval '1 second' AS tstamp_then,
       '-infinity'::timestamptz AS deleted_at,
       '2026-06-01 12:00:00.123456+00'::timestamptz AS deleted_then
FROM generate_series(1, SOURCE_ROWS::bigint) AS n;
ALTER TABLE bench.source ADD CONSTRAINT source_pkey PRIMARY KEY (n);

INSERT INTO distro (name, variant, supported) VALUES ('debian12', 'DEBIAN12', true);
INSERT INTO cust_cluster (name, cltype) VALUES ('bench', 4);
