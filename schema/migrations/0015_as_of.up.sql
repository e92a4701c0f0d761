-- Changes the indexes of events, so that an earlier state of a table, or of one kernel version, is read without the events of all other
-- tables. Three tables contain nearly all rows of a database. The others have a B-tree index. The BRIN index skips the page ranges without
-- events of a table.
DROP FUNCTION IF EXISTS event_rows(text, bigint) CASCADE;
DROP INDEX event_id_tstamp_idx;
CREATE INDEX event_id_tstamp_idx ON event
    USING brin (id, tstamp, table_name text_bloom_ops (n_distinct_per_range = 16)) WITH (autosummarize = on);
CREATE INDEX event_version_idx ON event
    USING brin ((pkey ->> 'version') text_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.005))
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX event_table_idx ON event (table_name, id) WHERE table_name NOT IN ('cust_host_kver', 'sp_build_kver', 'sp_test_kver');
