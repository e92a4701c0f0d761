-- checksum: 5da842ca7075422b4416374264cad303a28cd96746b257812df6c805dd8fe38f
-- Creates the tables of leases and logs. A running build or test claims its kernels by a lease, so that two pipelines never process the
-- same kernel, and the kernels of a dead pipeline become free when its lease expires. Leases are renewed every few seconds, so the
-- journal does not cover them.
CREATE TABLE sp_build_lease (
    build_id bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    lease interval NOT NULL,
    owner text NOT NULL,
    CONSTRAINT sp_build_lease_pkey PRIMARY KEY (build_id),
    CONSTRAINT sp_build_lease_build_id_fkey FOREIGN KEY (build_id) REFERENCES sp_build (id) ON DELETE CASCADE,
    CONSTRAINT sp_build_lease_lease_check CHECK (lease > interval '0'),
    CONSTRAINT sp_build_lease_owner_check CHECK (owner ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);

CREATE TABLE sp_test_lease (
    test_id bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    lease interval NOT NULL,
    owner text NOT NULL,
    CONSTRAINT sp_test_lease_pkey PRIMARY KEY (test_id),
    CONSTRAINT sp_test_lease_test_id_fkey FOREIGN KEY (test_id) REFERENCES sp_test (id) ON DELETE CASCADE,
    CONSTRAINT sp_test_lease_lease_check CHECK (lease > interval '0'),
    CONSTRAINT sp_test_lease_owner_check CHECK (owner ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);

CREATE TABLE sp_build_kver_log (
    build_kver_id bigint NOT NULL,
    host text NOT NULL,
    path text NOT NULL,
    seconds double precision NOT NULL,
    exit_status integer,
    tail text NOT NULL,
    CONSTRAINT sp_build_kver_log_pkey PRIMARY KEY (build_kver_id),
    CONSTRAINT sp_build_kver_log_build_kver_id_fkey FOREIGN KEY (build_kver_id) REFERENCES sp_build_kver (id) ON DELETE CASCADE,
    CONSTRAINT sp_build_kver_log_host_check CHECK (host ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT sp_build_kver_log_path_check CHECK (path ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);

CREATE TABLE sp_test_kver_log (
    test_kver_id bigint NOT NULL,
    host text NOT NULL,
    path text NOT NULL,
    seconds double precision NOT NULL,
    exit_status integer,
    tail text NOT NULL,
    CONSTRAINT sp_test_kver_log_pkey PRIMARY KEY (test_kver_id),
    CONSTRAINT sp_test_kver_log_test_kver_id_fkey FOREIGN KEY (test_kver_id) REFERENCES sp_test_kver (id) ON DELETE CASCADE,
    CONSTRAINT sp_test_kver_log_host_check CHECK (host ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT sp_test_kver_log_path_check CHECK (path ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);

-- A plan reads the builds of one revision and the newest build of each kernel.
CREATE INDEX sp_build_revision_idx ON sp_build (storpool_revision, release_target, dockernel_profile);
CREATE INDEX sp_build_open_idx ON sp_build (id) WHERE result IS NULL AND deleted_at = '-infinity';
DROP INDEX sp_build_kver_kver_idx;
CREATE INDEX sp_build_kver_kver_idx ON sp_build_kver (distro, version, build_id);
DROP INDEX sp_test_kver_kver_idx;
CREATE INDEX sp_test_kver_kver_idx ON sp_test_kver (distro, version, test_id);

GRANT SELECT ON sp_build_lease, sp_test_lease, sp_build_kver_log, sp_test_kver_log TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE, DELETE ON sp_build_lease, sp_test_lease, sp_build_kver_log, sp_test_kver_log TO sqern_writer;
