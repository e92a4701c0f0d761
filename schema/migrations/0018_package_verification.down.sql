ALTER TABLE crawl_index DROP CONSTRAINT crawl_index_distro_fkey;
ALTER TABLE crawl_index ADD CONSTRAINT crawl_index_distro_fkey
    FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE crawl_file DROP CONSTRAINT crawl_file_distro_fkey;
ALTER TABLE crawl_file ADD CONSTRAINT crawl_file_distro_fkey
    FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE crawl DROP CONSTRAINT crawl_distro_fkey;
ALTER TABLE crawl ADD CONSTRAINT crawl_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE;
ALTER TABLE kver_package DROP CONSTRAINT kver_package_kver_fkey;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_kver_fkey
    FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE kver_package DROP COLUMN verified_by;
