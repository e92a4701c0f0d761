-- Not every repository states SHA-256: openSUSE's may state SHA-512, some old rpm-md repositories nothing better than SHA-1. What the
-- index says is what a fetched file can be compared with, so it is kept as it is said, with its algorithm's name before it.
ALTER TABLE kver_package DROP CONSTRAINT kver_package_sha256_check;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_sha256_check
    CHECK (sha256 ~ '^([0-9a-f]{64}|sha1:[0-9a-f]{40}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$');
COMMENT ON COLUMN kver_package.sha256 IS 'The SHA-256 of the file, in lower-case hexadecimal; where the repository states only another checksum, ALGORITHM:DIGITS (sha512:…).';
