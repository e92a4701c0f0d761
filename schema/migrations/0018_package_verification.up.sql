-- Records what authenticates each package. A source can be verified although packages that an earlier crawl recorded are not.
--
-- sqern fetch trusts the distribution and kernel of a package. A writer who renames or deletes either (by a revert) must not rename or delete
-- the packages and crawls with it.
ALTER TABLE kver_package ADD COLUMN verified_by text;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_verified_by_check
    CHECK (verified_by = 'apt' OR verified_by ~ '^[0-9A-F]{40}([0-9A-F]{24})?$');

DROP VIEW IF EXISTS crawl_accepted;

ALTER TABLE kver_package DROP CONSTRAINT kver_package_kver_fkey;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_kver_fkey
    FOREIGN KEY (distro, version) REFERENCES kver (distro, version);
ALTER TABLE crawl DROP CONSTRAINT crawl_distro_fkey;
ALTER TABLE crawl ADD CONSTRAINT crawl_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name);
ALTER TABLE crawl_file DROP CONSTRAINT crawl_file_distro_fkey;
ALTER TABLE crawl_file ADD CONSTRAINT crawl_file_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name);
ALTER TABLE crawl_index DROP CONSTRAINT crawl_index_distro_fkey;
ALTER TABLE crawl_index ADD CONSTRAINT crawl_index_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name);
