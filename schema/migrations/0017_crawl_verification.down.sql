ALTER TABLE crawl DROP COLUMN verified_by;
REVOKE ALL ON kver_package, crawl, crawl_file, crawl_index FROM sqern_crawler;
