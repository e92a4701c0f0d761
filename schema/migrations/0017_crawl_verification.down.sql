ALTER TABLE crawl DROP COLUMN verified_by;
REVOKE ALL ON kver_package, crawl, crawl_file, crawl_index FROM sqern_crawler;
GRANT INSERT, UPDATE ON kver_package, crawl TO sqern_writer;
GRANT INSERT, UPDATE, DELETE ON crawl_file, crawl_index TO sqern_writer;

DO $$
BEGIN
    DROP ROLE sqern_crawler;
EXCEPTION WHEN dependent_objects_still_exist OR undefined_object OR object_in_use OR insufficient_privilege THEN
    NULL;  -- another database of the cluster still needs it
END
$$;
