-- What crawls remember of their sources, so that the next one asks only for what changed and believes nothing older than what was seen;
-- and which crawls belong to one check, so that a distro whose sources did not all succeed is known.
ALTER TABLE kver_package RENAME COLUMN sha256 TO checksum;
ALTER TABLE kver_package RENAME CONSTRAINT kver_package_sha256_check TO kver_package_checksum_check;
COMMENT ON COLUMN kver_package.checksum IS 'The SHA-256 of the file, in lower-case hexadecimal; where the repository states only another checksum, ALGORITHM:DIGITS (sha512:…).';

ALTER TABLE crawl ADD COLUMN checked_at timestamptz;
UPDATE crawl SET checked_at = finished_at;
ALTER TABLE crawl ALTER COLUMN checked_at SET NOT NULL, ALTER COLUMN checked_at SET DEFAULT now();
ALTER TABLE crawl ADD COLUMN dated_at timestamptz;
COMMENT ON COLUMN crawl.checked_at IS 'The time of the check that it is a part of: the same for all sources of a distro that were read together.';
COMMENT ON COLUMN crawl.dated_at IS 'When the signed top of the source says that it was made; null where it was not believed, or does not say.';
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
COMMENT ON TABLE crawl_file IS 'The small files that the last crawl of a source began with (InRelease, repomd.xml), as the server sent them: it need not send them again while they are the same. They are judged anew each time.';
COMMENT ON COLUMN crawl_file.distro IS 'The distribution that the source belongs to.';
COMMENT ON COLUMN crawl_file.source IS 'The source''s name within its distribution.';
COMMENT ON COLUMN crawl_file.url IS 'The file''s URL, without credentials.';
COMMENT ON COLUMN crawl_file.etag IS 'The ETag that the server sent with it.';
COMMENT ON COLUMN crawl_file.body IS 'Its bytes.';

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
COMMENT ON TABLE crawl_index IS 'What the indexes of a source held of what is looked for, when they were last read: one whose checksum is known is not even downloaded.';
COMMENT ON COLUMN crawl_index.distro IS 'The distribution that the source belongs to.';
COMMENT ON COLUMN crawl_index.source IS 'The source''s name within its distribution.';
COMMENT ON COLUMN crawl_index.name IS 'The index''s name within the source.';
COMMENT ON COLUMN crawl_index.checksum IS 'SHA-256 over the index''s checksum and the rules: the same checksum has the same entries.';
COMMENT ON COLUMN crawl_index.entries IS 'The packages that are looked for, as JSON in a form that only the crawl knows.';

GRANT SELECT ON crawl_file, crawl_index TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE, DELETE ON crawl_file, crawl_index TO sqern_writer;
