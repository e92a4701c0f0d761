-- Records when the journal of each table began, so that tables with rows can be journaled later: cust_cluster_type and kver_package.
--
-- The changes of these tables before this migration are not known. journal_begin() copies their rows to journal_baseline. As-of functions
-- use this copy as the state of all earlier generations.
CREATE TABLE journal_start (
    table_name text NOT NULL,
    generation bigint NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT journal_start_pkey PRIMARY KEY (table_name)
);
INSERT INTO journal_start (table_name, generation, tstamp)
SELECT journaled, 0, (SELECT tstamp FROM schema_migration WHERE version = 2)
FROM unnest(ARRAY['distro', 'kver', 'kver_seen', 'kver_fetched', 'kver_ignore', 'cust_cluster', 'cust_host_kver', 'sp_build', 'sp_build_kver',
                  'sp_test', 'sp_test_kver', 'sp_test_result', 'sp_available_kver']) AS journaled;

-- There is no unique index, because the key of a package can be longer than an index entry.
CREATE TABLE journal_baseline (
    table_name text NOT NULL,
    pkey jsonb NOT NULL,
    fields jsonb NOT NULL
);
CREATE INDEX journal_baseline_table_name_idx ON journal_baseline (table_name);
