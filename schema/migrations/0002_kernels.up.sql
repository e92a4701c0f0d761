-- checksum: f6797ffaf240e3001ad32edb5ca16af72493c7b8248c4611f505763f4c8188cc
-- Creates the tables of generations, events, distributions, kernels, customers, builds, tests and available modules.
--
-- A catalog test checks these conventions for all tables:
-- * A text key is not empty, has no leading or trailing blanks and no control characters (constraint <table>_<column>_check).
-- * deleted_at is -infinity in a live row. If no foreign key references the table, deleted_at is part of its unique key and the table
--   has an id. ON CONFLICT DO NOTHING then inserts a new row next to the deleted one.
-- * Every table and column has a comment (schema/functions/comments.sql). Every constraint and index has an explicit name.

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

CREATE TABLE distro (
    name text NOT NULL,
    variant text NOT NULL,
    supported boolean NOT NULL DEFAULT false,
    CONSTRAINT distro_pkey PRIMARY KEY (name),
    CONSTRAINT distro_name_check CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$'),
    CONSTRAINT distro_variant_check CHECK (variant ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);

CREATE TABLE kver (
    distro text NOT NULL,
    version text NOT NULL,
    archived boolean NOT NULL DEFAULT false,
    CONSTRAINT kver_pkey PRIMARY KEY (distro, version),
    CONSTRAINT kver_distro_fkey FOREIGN KEY (distro) REFERENCES distro (name) ON UPDATE CASCADE,
    CONSTRAINT kver_version_check CHECK (version ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);

CREATE TABLE kver_seen (
    distro text NOT NULL,
    version text NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT kver_seen_pkey PRIMARY KEY (distro, version),
    CONSTRAINT kver_seen_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE
);

CREATE TABLE kver_fetched (
    distro text NOT NULL,
    version text NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT kver_fetched_pkey PRIMARY KEY (distro, version),
    CONSTRAINT kver_fetched_kver_fkey FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE
);

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

CREATE TABLE kver_ignored (
    distro text NOT NULL,
    version text NOT NULL,
    CONSTRAINT kver_ignored_pkey PRIMARY KEY (distro, version)
);

CREATE TABLE cust_cluster_type (
    id integer NOT NULL,
    name text NOT NULL,
    CONSTRAINT cust_cluster_type_pkey PRIMARY KEY (id),
    CONSTRAINT cust_cluster_type_name_key UNIQUE (name),
    CONSTRAINT cust_cluster_type_name_check CHECK (name ~ '^[^[:space:][:cntrl:]]([^[:cntrl:]]*[^[:space:][:cntrl:]])?$')
);
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

-- Readers have SELECT only. Writers insert and update data. They mark rows as deleted instead of deleting them, and cannot write to
-- the journal.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO sqern_reader, sqern_writer;
GRANT INSERT, UPDATE ON distro, kver, kver_seen, kver_fetched, kver_ignore, cust_cluster_type, cust_cluster, cust_host_kver,
    sp_build, sp_build_kver, sp_test, sp_test_kver, sp_test_result, sp_available_kver TO sqern_writer;
