-- Packages without a SHA-256 can't be kept: the next crawl by a newer program finds them again.
DELETE FROM kver_package WHERE sha256 !~ '^[0-9a-f]{64}$';
ALTER TABLE kver_package DROP CONSTRAINT kver_package_sha256_check;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$');
COMMENT ON COLUMN kver_package.sha256 IS 'The SHA-256 of the file, in lower-case hexadecimal.';
