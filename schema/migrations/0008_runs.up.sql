-- Builds and tests that are under way hold their kernels by a lease, so that two pipelines never work on one kernel, and what a dead
-- one held can be taken over. Leases and logs are the harness's own affair, renewed every few seconds: they are not journalled.
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
COMMENT ON TABLE sp_build_lease IS 'Until when a build that runs holds its kernels. Whoever wants one of them after that closes the build as ABORTED first.';
COMMENT ON COLUMN sp_build_lease.build_id IS 'The build.';
COMMENT ON COLUMN sp_build_lease.expires_at IS 'When its owner counts as dead, unless the lease is renewed.';
COMMENT ON COLUMN sp_build_lease.lease IS 'How long each renewal lasts.';
COMMENT ON COLUMN sp_build_lease.owner IS 'Who runs it: a host and a process there, or a job.';

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
COMMENT ON TABLE sp_test_lease IS 'Until when a test run holds its kernels. Whoever wants one of them after that closes the run as ABORTED first.';
COMMENT ON COLUMN sp_test_lease.test_id IS 'The test run.';
COMMENT ON COLUMN sp_test_lease.expires_at IS 'When its owner counts as dead, unless the lease is renewed.';
COMMENT ON COLUMN sp_test_lease.lease IS 'How long each renewal lasts.';
COMMENT ON COLUMN sp_test_lease.owner IS 'Who runs it: a host and a process there, or a job.';

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
COMMENT ON TABLE sp_build_kver_log IS 'What the command that built for a kernel wrote, and how it ended.';
COMMENT ON COLUMN sp_build_kver_log.build_kver_id IS 'The kernel of a build: sp_build_kver.id.';
COMMENT ON COLUMN sp_build_kver_log.host IS 'Where the whole log is: the host.';
COMMENT ON COLUMN sp_build_kver_log.path IS 'Where the whole log is: the file.';
COMMENT ON COLUMN sp_build_kver_log.seconds IS 'How long the command took.';
COMMENT ON COLUMN sp_build_kver_log.exit_status IS 'Its exit status; null where a signal ended it.';
COMMENT ON COLUMN sp_build_kver_log.tail IS 'The log''s last lines.';

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
COMMENT ON TABLE sp_test_kver_log IS 'What the command that tested for a kernel wrote, and how it ended.';
COMMENT ON COLUMN sp_test_kver_log.test_kver_id IS 'The kernel of a test run: sp_test_kver.id.';
COMMENT ON COLUMN sp_test_kver_log.host IS 'Where the whole log is: the host.';
COMMENT ON COLUMN sp_test_kver_log.path IS 'Where the whole log is: the file.';
COMMENT ON COLUMN sp_test_kver_log.seconds IS 'How long the command took.';
COMMENT ON COLUMN sp_test_kver_log.exit_status IS 'Its exit status; null where a signal ended it.';
COMMENT ON COLUMN sp_test_kver_log.tail IS 'The log''s last lines.';

-- A plan looks at the builds of one revision, and at the newest of a kernel.
CREATE INDEX sp_build_revision_idx ON sp_build (storpool_revision, release_target, dockernel_profile);
CREATE INDEX sp_build_open_idx ON sp_build (id) WHERE result IS NULL AND deleted_at = '-infinity';
DROP INDEX sp_build_kver_kver_idx;
CREATE INDEX sp_build_kver_kver_idx ON sp_build_kver (distro, version, build_id);
DROP INDEX sp_test_kver_kver_idx;
CREATE INDEX sp_test_kver_kver_idx ON sp_test_kver (distro, version, test_id);

GRANT SELECT ON sp_build_lease, sp_test_lease, sp_build_kver_log, sp_test_kver_log TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE, DELETE ON sp_build_lease, sp_test_lease, sp_build_kver_log, sp_test_kver_log TO sqern_writer;
