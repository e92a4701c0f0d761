-- Limits what a writer can record. Function files now grant the privileges on tables, and do not let writers insert IDs.
--
-- Existing rows are not checked.
ALTER TABLE generation ADD CONSTRAINT generation_comment_check CHECK (length(comment) <= 4096) NOT VALID;
ALTER TABLE kver_ignore ADD CONSTRAINT kver_ignore_comment_check CHECK (length(comment) <= 4096) NOT VALID;
ALTER TABLE sp_build_lease ADD CONSTRAINT sp_build_lease_limit_check CHECK (lease <= interval '30 days') NOT VALID;
ALTER TABLE sp_test_lease ADD CONSTRAINT sp_test_lease_limit_check CHECK (lease <= interval '30 days') NOT VALID;

DO $$
DECLARE
    name text;
    columns text[];
    column_name text;
BEGIN
    FOR name, columns IN
        VALUES ('distro', ARRAY['name', 'variant']), ('kver', ARRAY['version']), ('kver_ignore', ARRAY['pattern']),
            ('cust_cluster_type', ARRAY['name']), ('cust_cluster', ARRAY['name']), ('cust_host_kver', ARRAY['host_name']),
            ('sp_build', ARRAY['jenkins_job', 'storpool_revision', 'change_id', 'release_target', 'dockernel_profile']),
            ('sp_test', ARRAY['test_flavor', 'test_cluster']), ('sp_available_kver', ARRAY['storpool_revision', 'release_target']),
            ('sp_build_lease', ARRAY['owner']), ('sp_test_lease', ARRAY['owner'])
    LOOP
        FOREACH column_name IN ARRAY columns LOOP
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (length(%I) <= 256) NOT VALID', name, name || '_' || column_name || '_length_check', column_name);
        END LOOP;
    END LOOP;
END
$$;
