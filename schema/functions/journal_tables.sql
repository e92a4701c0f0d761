-- Adds the tables to the journal and generates the functions of each table.
SELECT journal_attach(journaled), journal_attach_at(journaled)
FROM unnest(ARRAY['distro', 'kver', 'kver_seen', 'kver_fetched', 'kver_ignore', 'cust_cluster', 'cust_host_kver', 'sp_build',
                  'sp_build_kver', 'sp_test', 'sp_test_kver', 'sp_test_result', 'sp_available_kver']::regclass[]) AS journaled;
