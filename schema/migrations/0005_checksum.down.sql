-- Packages without SHA-256 violate the older constraint. The next crawl by a newer program inserts them again.
DELETE FROM kver_package WHERE sha256 !~ '^[0-9a-f]{64}$';
ALTER TABLE kver_package DROP CONSTRAINT kver_package_sha256_check;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$');
