-- checksum: 348a8d7b11102c6ff84807f925467932d87469905be08d72a3c014da70237d89
-- Accepts other checksums than SHA-256: repositories of openSUSE can contain SHA-512, and some old rpm-md repositories contain SHA-1 only.
-- The checksum of the index is stored unchanged, because a fetched file is compared with it. The algorithm is its prefix.
ALTER TABLE kver_package DROP CONSTRAINT kver_package_sha256_check;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_sha256_check
    CHECK (sha256 ~ '^([0-9a-f]{64}|sha1:[0-9a-f]{40}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$');
