-- What the crawls of the distributions' repositories leave behind besides the kernels themselves: which packages bring them,
-- and how each reading of each source went. Neither is journalled: both are a log by themselves.

CREATE TABLE kver_package (
    id bigint GENERATED ALWAYS AS IDENTITY,
    distro text NOT NULL,
    version text NOT NULL,
    source text NOT NULL,
    role text NOT NULL,
    name text NOT NULL,
    package_version text NOT NULL,
    architecture text NOT NULL,
    url text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    gone_at timestamptz,
    CONSTRAINT kver_package_pkey PRIMARY KEY (id),
    CONSTRAINT kver_package_key UNIQUE (distro, version, source, name, package_version, architecture, sha256),
    CONSTRAINT kver_package_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE,
    CONSTRAINT kver_package_role_check CHECK (role IN ('headers', 'support')),
    CONSTRAINT kver_package_size_bytes_check CHECK (size_bytes >= 0),
    CONSTRAINT kver_package_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$')
);
CREATE INDEX kver_package_source_idx ON kver_package (distro, source) WHERE gone_at IS NULL;
COMMENT ON TABLE kver_package IS 'A package that brings a kernel version''s headers, or that they need, as a source''s verified index describes it.';
COMMENT ON COLUMN kver_package.id IS 'Identifies the record.';
COMMENT ON COLUMN kver_package.distro IS 'The kernel''s distribution.';
COMMENT ON COLUMN kver_package.version IS 'The kernel''s version, as uname -r prints it; the package''s own version is package_version.';
COMMENT ON COLUMN kver_package.source IS 'The source that lists it, as in crawl.source.';
COMMENT ON COLUMN kver_package.role IS 'headers for the package that makes the kernel known, support for what that one needs to compile a module.';
COMMENT ON COLUMN kver_package.name IS 'The package''s name.';
COMMENT ON COLUMN kver_package.package_version IS 'The package''s version.';
COMMENT ON COLUMN kver_package.architecture IS 'The package''s architecture, in the distribution''s own words.';
COMMENT ON COLUMN kver_package.url IS 'Where to fetch it: an absolute URL, or apt:NAME=VERSION for what the machine''s own apt fetches.';
COMMENT ON COLUMN kver_package.size_bytes IS 'The size of the file, in bytes.';
COMMENT ON COLUMN kver_package.sha256 IS 'The SHA-256 of the file, in lower-case hexadecimal.';
COMMENT ON COLUMN kver_package.first_seen_at IS 'When the source first listed it.';
COMMENT ON COLUMN kver_package.gone_at IS 'When a complete crawl of the source no longer listed it; null while it is there.';

CREATE TABLE crawl (
    id bigint GENERATED ALWAYS AS IDENTITY,
    distro text NOT NULL,
    source text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    state text NOT NULL,
    reason text,
    warnings text[] NOT NULL DEFAULT '{}',
    url text NOT NULL,
    etag text,
    checksum text,
    bytes bigint NOT NULL,
    kernels integer NOT NULL,
    generation bigint,
    CONSTRAINT crawl_pkey PRIMARY KEY (id),
    CONSTRAINT crawl_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE,
    CONSTRAINT crawl_state_check CHECK (state IN ('complete', 'unchanged', 'partial', 'failed')),
    CONSTRAINT crawl_reason_check CHECK ((reason IS NOT NULL) = (state IN ('partial', 'failed'))),
    CONSTRAINT crawl_source_check CHECK (source ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
CREATE INDEX crawl_source_idx ON crawl (distro, source, id DESC);
COMMENT ON TABLE crawl IS 'One reading of one upstream source, however it went.';
COMMENT ON COLUMN crawl.id IS 'Identifies the record; grows with time.';
COMMENT ON COLUMN crawl.distro IS 'The distribution that the source belongs to.';
COMMENT ON COLUMN crawl.source IS 'The source''s name within its distribution.';
COMMENT ON COLUMN crawl.started_at IS 'When reading began.';
COMMENT ON COLUMN crawl.finished_at IS 'When reading ended.';
COMMENT ON COLUMN crawl.state IS 'complete: all was read and believed. unchanged: the source says what it said at the last complete crawl. partial: what was found is right, but something is missing. failed: nothing was believed.';
COMMENT ON COLUMN crawl.reason IS 'For partial and failed: what was expected, what was got, and where.';
COMMENT ON COLUMN crawl.warnings IS 'What did not stop the crawl but is worth a look.';
COMMENT ON COLUMN crawl.url IS 'The URL or path of the signed top of the source.';
COMMENT ON COLUMN crawl.etag IS 'The ETag that the server sent with it.';
COMMENT ON COLUMN crawl.checksum IS 'SHA-256 over the signed top and the rules: the same checksum finds the same.';
COMMENT ON COLUMN crawl.bytes IS 'Bytes received or read, before decompression.';
COMMENT ON COLUMN crawl.kernels IS 'How many kernel versions the source holds, as this crawl knows it.';
COMMENT ON COLUMN crawl.generation IS 'The generation that holds what was new; null when nothing was.';

GRANT SELECT ON kver_package, crawl TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE ON kver_package, crawl TO sqern_writer;
