-- The seed's tables: generations and events, distributions and kernels, customers, builds, tests, and what is available.
--
-- Conventions that a catalog test holds all tables to:
-- * a text key is not empty, has no blank at either end and no control character (constraint <table>_<column>_check);
-- * deleted_at is -infinity in a live record and belongs to the record's unique key where nothing references the table, so
--   that ON CONFLICT DO NOTHING brings a record back beside its deleted past; such a table has an id of its own;
-- * every table and column has a comment, every constraint and index a name that was chosen.

CREATE TABLE generation (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    tstamp timestamptz NOT NULL DEFAULT now(),
    username text NOT NULL DEFAULT session_user,
    ipaddr inet DEFAULT inet_client_addr(),
    comment text,
    CONSTRAINT generation_pkey PRIMARY KEY (id),
    CONSTRAINT generation_xact_key UNIQUE (xact)
);
COMMENT ON TABLE generation IS 'A set of related changes: all that one transaction changed, by whom, from where, when and why.';
COMMENT ON COLUMN generation.id IS 'Identifies the generation. Ids are given when a transaction first changes something, so they are not in the order of commits.';
COMMENT ON COLUMN generation.xact IS 'The transaction that made it: what followers compare with a pg_snapshot, and what ties the generation to its transaction.';
COMMENT ON COLUMN generation.tstamp IS 'When its transaction began.';
COMMENT ON COLUMN generation.username IS 'The session''s user.';
COMMENT ON COLUMN generation.ipaddr IS 'The client''s address; null on a Unix socket.';
COMMENT ON COLUMN generation.comment IS 'Why: what generation_start() was given; null when changes were made without a word.';

CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY,
    generation bigint NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    table_name text NOT NULL,
    action text NOT NULL,
    pkey jsonb NOT NULL,
    fields jsonb NOT NULL,
    old jsonb,
    CONSTRAINT event_pkey PRIMARY KEY (id)
);
CREATE INDEX event_generation_idx ON event (generation);
CREATE INDEX event_tstamp_idx ON event USING brin (tstamp);
COMMENT ON TABLE event IS 'One row for each row really changed in a journalled table, written by that table''s triggers alone.';
COMMENT ON COLUMN event.id IS 'Identifies the event; grows within a generation, in the order of the changes.';
COMMENT ON COLUMN event.generation IS 'The generation that the change belongs to. No foreign key: it would double the cost of every event, and only the triggers write here.';
COMMENT ON COLUMN event.tstamp IS 'When the change''s transaction began.';
COMMENT ON COLUMN event.table_name IS 'The table that was changed.';
COMMENT ON COLUMN event.action IS 'insert, update or delete.';
COMMENT ON COLUMN event.pkey IS 'The record''s key: its key columns without deleted_at, and id where the table has one. A change of any of them is a delete and an insert.';
COMMENT ON COLUMN event.fields IS 'The other columns: all of them for insert and delete (pkey || fields is the row), the changed ones with their new values for update.';
COMMENT ON COLUMN event.old IS 'For update: the changed columns with their old values; null otherwise.';

CREATE TABLE distro (
    name text NOT NULL,
    variant text NOT NULL,
    supported boolean NOT NULL DEFAULT false,
    CONSTRAINT distro_pkey PRIMARY KEY (name),
    CONSTRAINT distro_name_check CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT distro_variant_check CHECK (variant ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
COMMENT ON TABLE distro IS 'A Linux distribution that the product can be installed on.';
COMMENT ON COLUMN distro.name IS 'The name that the build containers use: sp-variant''s builder alias, e.g. debian12.';
COMMENT ON COLUMN distro.variant IS 'sp-variant''s build variant, e.g. DEBIAN12.';
COMMENT ON COLUMN distro.supported IS 'Whether the product officially supports it; sqern check reads the supported ones.';

CREATE TABLE kver (
    distro text NOT NULL,
    version text NOT NULL,
    archived boolean NOT NULL DEFAULT false,
    CONSTRAINT kver_pkey PRIMARY KEY (distro, version),
    CONSTRAINT kver_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE,
    CONSTRAINT kver_version_check CHECK (version ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
COMMENT ON TABLE kver IS 'A kernel version of a distribution. It carries no state by itself; what refers to it does. To ask for kernels, use kver_not_ignored.';
COMMENT ON COLUMN kver.distro IS 'The distribution that ships it.';
COMMENT ON COLUMN kver.version IS 'The kernel version as a host reports it: uname -r, e.g. 6.1.0-25-amd64.';
COMMENT ON COLUMN kver.archived IS 'Whether it is no longer taken into consideration.';

CREATE TABLE kver_seen (
    distro text NOT NULL,
    version text NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT kver_seen_pkey PRIMARY KEY (distro, version),
    CONSTRAINT kver_seen_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE
);
COMMENT ON TABLE kver_seen IS 'A kernel version that was seen in the distribution''s upstream repositories. What is gone upstream stays here; kver_package.gone_at tells.';
COMMENT ON COLUMN kver_seen.distro IS 'The kernel''s distribution.';
COMMENT ON COLUMN kver_seen.version IS 'The kernel''s version.';
COMMENT ON COLUMN kver_seen.tstamp IS 'When it was first seen.';

CREATE TABLE kver_fetched (
    distro text NOT NULL,
    version text NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT kver_fetched_pkey PRIMARY KEY (distro, version),
    CONSTRAINT kver_fetched_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE
);
COMMENT ON TABLE kver_fetched IS 'A kernel version whose header packages were fetched: a module can be built for it.';
COMMENT ON COLUMN kver_fetched.distro IS 'The kernel''s distribution.';
COMMENT ON COLUMN kver_fetched.version IS 'The kernel''s version.';
COMMENT ON COLUMN kver_fetched.tstamp IS 'When the headers were fetched.';

CREATE TABLE kver_ignore (
    id bigint GENERATED ALWAYS AS IDENTITY,
    distro text NOT NULL,
    pattern text NOT NULL,
    comment text,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT kver_ignore_pkey PRIMARY KEY (id),
    CONSTRAINT kver_ignore_key UNIQUE (distro, pattern, deleted_at),
    CONSTRAINT kver_ignore_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE,
    CONSTRAINT kver_ignore_pattern_check CHECK (pattern ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT kver_ignore_pattern_like_check CHECK (pattern ~ '^([^\\]|\\.)+$')
);
COMMENT ON TABLE kver_ignore IS 'A pattern of kernel versions that are not wanted: not built, not tested, not told as unsupported. To ask for kernels, use kver_not_ignored.';
COMMENT ON COLUMN kver_ignore.id IS 'Identifies the record, also when it is marked as deleted.';
COMMENT ON COLUMN kver_ignore.distro IS 'The distribution whose versions it is about.';
COMMENT ON COLUMN kver_ignore.pattern IS 'An SQL LIKE pattern over the whole version, with \ as escape, e.g. %-cloud-amd64.';
COMMENT ON COLUMN kver_ignore.comment IS 'Why these are not wanted.';
COMMENT ON COLUMN kver_ignore.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE kver_ignored (
    distro text NOT NULL,
    version text NOT NULL,
    CONSTRAINT kver_ignored_pkey PRIMARY KEY (distro, version)
);
COMMENT ON TABLE kver_ignored IS 'The kernel versions that match a live pattern of kver_ignore, kept by kver_update_not_ignored() for the view kver_not_ignored. Nobody else writes here.';
COMMENT ON COLUMN kver_ignored.distro IS 'The kernel''s distribution.';
COMMENT ON COLUMN kver_ignored.version IS 'The kernel''s version.';

CREATE TABLE cust_cluster_type (
    id integer NOT NULL,
    name text NOT NULL,
    CONSTRAINT cust_cluster_type_pkey PRIMARY KEY (id),
    CONSTRAINT cust_cluster_type_name_key UNIQUE (name),
    CONSTRAINT cust_cluster_type_name_check CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
COMMENT ON TABLE cust_cluster_type IS 'The type, or support state, of a cluster.';
COMMENT ON COLUMN cust_cluster_type.id IS 'The number that the monitoring configuration uses.';
COMMENT ON COLUMN cust_cluster_type.name IS 'What people call it.';
INSERT INTO cust_cluster_type (id, name)
VALUES (1, 'production'), (2, 'poc'), (3, 'custdev'), (4, 'lab'), (5, 'out of support'), (6, 'our test');

CREATE TABLE cust_cluster (
    name text NOT NULL,
    cltype integer NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT cust_cluster_pkey PRIMARY KEY (name),
    CONSTRAINT cust_cluster_cltype_fkey FOREIGN KEY (cltype) REFERENCES cust_cluster_type (id) ON UPDATE CASCADE,
    CONSTRAINT cust_cluster_name_check CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
COMMENT ON TABLE cust_cluster IS 'A single deployed cluster, at a customer''s site or in our own testing environment. Brought back by setting deleted_at to -infinity.';
COMMENT ON COLUMN cust_cluster.name IS 'The cluster''s name.';
COMMENT ON COLUMN cust_cluster.cltype IS 'Its type.';
COMMENT ON COLUMN cust_cluster.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE cust_host_kver (
    id bigint GENERATED ALWAYS AS IDENTITY,
    cluster_name text NOT NULL,
    host_name text NOT NULL,
    distro text NOT NULL,
    version text NOT NULL,
    current boolean NOT NULL DEFAULT false,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT cust_host_kver_pkey PRIMARY KEY (id),
    CONSTRAINT cust_host_kver_key UNIQUE (cluster_name, host_name, distro, version, deleted_at),
    CONSTRAINT cust_host_kver_cluster_name_fkey FOREIGN KEY (cluster_name) REFERENCES cust_cluster (name) ON UPDATE CASCADE,
    CONSTRAINT cust_host_kver_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE,
    CONSTRAINT cust_host_kver_host_name_check CHECK (host_name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
CREATE UNIQUE INDEX cust_host_kver_current_key ON cust_host_kver (cluster_name, host_name) WHERE current AND deleted_at = '-infinity';
CREATE INDEX cust_host_kver_kver_idx ON cust_host_kver (distro, version);
COMMENT ON TABLE cust_host_kver IS 'A kernel version installed on a host of a cluster.';
COMMENT ON COLUMN cust_host_kver.id IS 'Identifies the record, also when it is marked as deleted.';
COMMENT ON COLUMN cust_host_kver.cluster_name IS 'The cluster that the host belongs to.';
COMMENT ON COLUMN cust_host_kver.host_name IS 'The host''s name, unique within its cluster.';
COMMENT ON COLUMN cust_host_kver.distro IS 'The distribution that the host runs.';
COMMENT ON COLUMN cust_host_kver.version IS 'The kernel version that is installed.';
COMMENT ON COLUMN cust_host_kver.current IS 'Whether it is the one that the host runs: at most one live record of a host.';
COMMENT ON COLUMN cust_host_kver.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE sp_build (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tstamp timestamptz NOT NULL DEFAULT now(),
    result text,
    success boolean GENERATED ALWAYS AS (upper(result) = 'SUCCESS') STORED,
    jenkins_job text,
    storpool_revision text,
    change_id text,
    official boolean NOT NULL DEFAULT false,
    release_target text,
    dockernel_profile text,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT sp_build_pkey PRIMARY KEY (id),
    CONSTRAINT sp_build_result_check CHECK (upper(result) IN ('SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED'))
);
COMMENT ON TABLE sp_build IS 'An attempt to build the product from a source tree.';
COMMENT ON COLUMN sp_build.id IS 'Identifies the build; part of its artifacts.';
COMMENT ON COLUMN sp_build.tstamp IS 'When the build was started.';
COMMENT ON COLUMN sp_build.result IS 'SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED in any case of letters; null while it runs. NOT_BUILT and ABORTED mean that the harness failed, not the product.';
COMMENT ON COLUMN sp_build.success IS 'Whether the result is SUCCESS; null while it runs.';
COMMENT ON COLUMN sp_build.jenkins_job IS 'The job that runs it.';
COMMENT ON COLUMN sp_build.storpool_revision IS 'The version string of the source tree, e.g. 21.0.243.620bc3729.';
COMMENT ON COLUMN sp_build.change_id IS 'The change under review that it was built from.';
COMMENT ON COLUMN sp_build.official IS 'Whether it was built to be released.';
COMMENT ON COLUMN sp_build.release_target IS 'The suite that the build is meant for, e.g. sp-lab.';
COMMENT ON COLUMN sp_build.dockernel_profile IS 'The build containers'' profile.';
COMMENT ON COLUMN sp_build.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE sp_build_kver (
    id bigint GENERATED ALWAYS AS IDENTITY,
    build_id bigint NOT NULL,
    distro text NOT NULL,
    version text NOT NULL,
    result text,
    success boolean GENERATED ALWAYS AS (upper(result) = 'SUCCESS') STORED,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT sp_build_kver_pkey PRIMARY KEY (id),
    CONSTRAINT sp_build_kver_key UNIQUE (build_id, distro, version, deleted_at),
    CONSTRAINT sp_build_kver_build_id_fkey FOREIGN KEY (build_id) REFERENCES sp_build (id),
    CONSTRAINT sp_build_kver_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE,
    CONSTRAINT sp_build_kver_result_check CHECK (upper(result) IN ('SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED'))
);
CREATE INDEX sp_build_kver_kver_idx ON sp_build_kver (distro, version);
COMMENT ON TABLE sp_build_kver IS 'A kernel version that a build attempts to build modules for.';
COMMENT ON COLUMN sp_build_kver.id IS 'Identifies the record, also when it is marked as deleted.';
COMMENT ON COLUMN sp_build_kver.build_id IS 'The build.';
COMMENT ON COLUMN sp_build_kver.distro IS 'The kernel''s distribution.';
COMMENT ON COLUMN sp_build_kver.version IS 'The kernel''s version.';
COMMENT ON COLUMN sp_build_kver.result IS 'The result for this kernel, in sp_build.result''s words; null means as the whole build says.';
COMMENT ON COLUMN sp_build_kver.success IS 'Whether this kernel''s own result is SUCCESS; null when it has none.';
COMMENT ON COLUMN sp_build_kver.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE sp_test (
    id bigint GENERATED ALWAYS AS IDENTITY,
    tstamp timestamptz NOT NULL DEFAULT now(),
    build_id bigint NOT NULL,
    test_flavor text,
    test_cluster text,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT sp_test_pkey PRIMARY KEY (id),
    CONSTRAINT sp_test_build_id_fkey FOREIGN KEY (build_id) REFERENCES sp_build (id)
);
CREATE INDEX sp_test_build_id_idx ON sp_test (build_id);
COMMENT ON TABLE sp_test IS 'An attempt to run the testing suite on the packages of a build. It runs until it has a live sp_test_result.';
COMMENT ON COLUMN sp_test.id IS 'Identifies the test run; part of its artifacts.';
COMMENT ON COLUMN sp_test.tstamp IS 'When the run was started.';
COMMENT ON COLUMN sp_test.build_id IS 'The build that is tested.';
COMMENT ON COLUMN sp_test.test_flavor IS 'The kind of tests.';
COMMENT ON COLUMN sp_test.test_cluster IS 'The cluster that the tests run on.';
COMMENT ON COLUMN sp_test.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE sp_test_kver (
    id bigint GENERATED ALWAYS AS IDENTITY,
    test_id bigint NOT NULL,
    distro text NOT NULL,
    version text NOT NULL,
    result text,
    success boolean GENERATED ALWAYS AS (upper(result) = 'SUCCESS') STORED,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT sp_test_kver_pkey PRIMARY KEY (id),
    CONSTRAINT sp_test_kver_key UNIQUE (test_id, distro, version, deleted_at),
    CONSTRAINT sp_test_kver_test_id_fkey FOREIGN KEY (test_id) REFERENCES sp_test (id),
    CONSTRAINT sp_test_kver_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE,
    CONSTRAINT sp_test_kver_result_check CHECK (upper(result) IN ('SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED'))
);
CREATE INDEX sp_test_kver_kver_idx ON sp_test_kver (distro, version);
COMMENT ON TABLE sp_test_kver IS 'A kernel version that a test run attempts to validate the modules for.';
COMMENT ON COLUMN sp_test_kver.id IS 'Identifies the record, also when it is marked as deleted.';
COMMENT ON COLUMN sp_test_kver.test_id IS 'The test run.';
COMMENT ON COLUMN sp_test_kver.distro IS 'The kernel''s distribution.';
COMMENT ON COLUMN sp_test_kver.version IS 'The kernel''s version.';
COMMENT ON COLUMN sp_test_kver.result IS 'The result for this kernel, in sp_build.result''s words; null means as the whole run says.';
COMMENT ON COLUMN sp_test_kver.success IS 'Whether this kernel''s own result is SUCCESS; null when it has none.';
COMMENT ON COLUMN sp_test_kver.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE sp_test_result (
    id bigint GENERATED ALWAYS AS IDENTITY,
    test_id bigint NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    result text,
    success boolean GENERATED ALWAYS AS (upper(result) = 'SUCCESS') STORED,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT sp_test_result_pkey PRIMARY KEY (id),
    CONSTRAINT sp_test_result_key UNIQUE (test_id, deleted_at),
    CONSTRAINT sp_test_result_test_id_fkey FOREIGN KEY (test_id) REFERENCES sp_test (id),
    CONSTRAINT sp_test_result_result_check CHECK (upper(result) IN ('SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED'))
);
COMMENT ON TABLE sp_test_result IS 'The result of a test run: one live record a run.';
COMMENT ON COLUMN sp_test_result.id IS 'Identifies the record, also when it is marked as deleted.';
COMMENT ON COLUMN sp_test_result.test_id IS 'The test run.';
COMMENT ON COLUMN sp_test_result.tstamp IS 'When the record was made.';
COMMENT ON COLUMN sp_test_result.result IS 'The result of the whole run, in sp_build.result''s words; null while it runs.';
COMMENT ON COLUMN sp_test_result.success IS 'Whether the result is SUCCESS; null while there is none.';
COMMENT ON COLUMN sp_test_result.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

CREATE TABLE sp_available_kver (
    id bigint GENERATED ALWAYS AS IDENTITY,
    storpool_revision text NOT NULL,
    release_target text NOT NULL,
    distro text NOT NULL,
    version text NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT sp_available_kver_pkey PRIMARY KEY (id),
    CONSTRAINT sp_available_kver_key UNIQUE (storpool_revision, release_target, distro, version, deleted_at),
    CONSTRAINT sp_available_kver_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE,
    CONSTRAINT sp_available_kver_storpool_revision_check CHECK (storpool_revision ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT sp_available_kver_release_target_check CHECK (release_target ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
CREATE INDEX sp_available_kver_kver_idx ON sp_available_kver (distro, version);
COMMENT ON TABLE sp_available_kver IS 'Modules built from a revision for a kernel version were uploaded for a release target.';
COMMENT ON COLUMN sp_available_kver.id IS 'Identifies the record, also when it is marked as deleted.';
COMMENT ON COLUMN sp_available_kver.storpool_revision IS 'The version string of the source tree, e.g. 21.0.243.620bc3729.';
COMMENT ON COLUMN sp_available_kver.release_target IS 'The suite that the build is initially meant for, e.g. sp-lab.';
COMMENT ON COLUMN sp_available_kver.distro IS 'The distribution that the modules were built for.';
COMMENT ON COLUMN sp_available_kver.version IS 'The kernel version that the modules were built for.';
COMMENT ON COLUMN sp_available_kver.deleted_at IS 'When the record was marked as deleted; -infinity while it is live.';

-- Readers read. Writers insert and update data; they mark as deleted and never delete, and the journal is not theirs.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE ON distro, kver, kver_seen, kver_fetched, kver_ignore, cust_cluster_type, cust_cluster, cust_host_kver,
    sp_build, sp_build_kver, sp_test, sp_test_kver, sp_test_result, sp_available_kver TO sqern_writer;
