-- checksum: 9661b58ee81e2d9cc4946b06e491d0bdecfea00718d1f5933f2b15b15d89ac08
-- Creates the cache of the crawls, which saves downloads and detects rollbacks of a repository. crawl.checked_at groups the crawls of
-- one check, so that a query finds the distributions with incomplete checks.
ALTER TABLE kver_package RENAME COLUMN sha256 TO checksum;
ALTER TABLE kver_package RENAME CONSTRAINT kver_package_sha256_check TO kver_package_checksum_check;

ALTER TABLE crawl ADD COLUMN checked_at timestamptz;
UPDATE crawl SET checked_at = finished_at;
ALTER TABLE crawl ALTER COLUMN checked_at SET NOT NULL, ALTER COLUMN checked_at SET DEFAULT now();
ALTER TABLE crawl ADD COLUMN dated_at timestamptz;
CREATE INDEX crawl_checked_idx ON crawl (distro, checked_at);

CREATE TABLE crawl_file (
    distro text NOT NULL,
    source text NOT NULL,
    url text NOT NULL,
    etag text NOT NULL,
    body bytea NOT NULL,
    CONSTRAINT crawl_file_pkey PRIMARY KEY (distro, source, url),
    CONSTRAINT crawl_file_source_check CHECK (source ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT crawl_file_url_check CHECK (url ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT crawl_file_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE ON DELETE CASCADE
);

CREATE TABLE crawl_index (
    distro text NOT NULL,
    source text NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    entries text NOT NULL,
    CONSTRAINT crawl_index_pkey PRIMARY KEY (distro, source, name),
    CONSTRAINT crawl_index_source_check CHECK (source ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT crawl_index_name_check CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT crawl_index_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE ON DELETE CASCADE
);

GRANT SELECT ON crawl_file, crawl_index TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE, DELETE ON crawl_file, crawl_index TO sqern_writer;
