DROP TABLE crawl_file, crawl_index;
DROP INDEX crawl_checked_idx;
ALTER TABLE crawl DROP COLUMN checked_at, DROP COLUMN dated_at;
ALTER TABLE kver_package RENAME CONSTRAINT kver_package_checksum_check TO kver_package_sha256_check;
ALTER TABLE kver_package RENAME COLUMN checksum TO sha256;
