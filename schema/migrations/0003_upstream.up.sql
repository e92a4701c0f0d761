-- checksum: 6fef86f9eaaa07284fa6bc94cc57de5d609149b18709ae4ae87fc1a967d5b229
-- Creates the tables of kernel packages and of crawls. The journal does not cover them, because both are logs themselves.

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

GRANT SELECT ON kver_package, crawl TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE ON kver_package, crawl TO sqern_writer;
