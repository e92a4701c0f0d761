-- Adds the read model: tables that contain what kver_status and the report of hosts at risk compute from all rows. They are a cache, which
-- kver_state_refresh() updates from the journal. They are not journaled.
CREATE TABLE kver_state (
    distro text NOT NULL,
    version text NOT NULL,
    sort_key text COLLATE "C" NOT NULL,
    wanted boolean NOT NULL,
    stage text NOT NULL,
    missing text,
    missing_since timestamptz,
    archived boolean NOT NULL,
    ignored boolean NOT NULL,
    known_at timestamptz,
    seen_at timestamptz,
    fetched_at timestamptz,
    built_at timestamptz,
    tested_at timestamptz,
    available_at timestamptz,
    build_id bigint,
    build_at timestamptz,
    build_result text,
    built_by bigint,
    test_id bigint,
    test_at timestamptz,
    test_result text,
    tested_by bigint,
    available_for text[],
    hosts_running bigint NOT NULL,
    hosts_installed bigint NOT NULL,
    CONSTRAINT kver_state_pkey PRIMARY KEY (distro, version)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX kver_state_sort_key_idx ON kver_state (distro, sort_key);
CREATE INDEX kver_state_missing_idx ON kver_state (missing, distro, sort_key) WHERE wanted;
CREATE INDEX kver_state_candidate_idx ON kver_state (hosts_running DESC, hosts_installed DESC, distro COLLATE "C", sort_key DESC)
    WHERE wanted AND fetched_at IS NOT NULL;
CREATE INDEX kver_state_unbuilt_idx ON kver_state (distro) WHERE wanted AND fetched_at IS NOT NULL AND built_by IS NULL;

CREATE TABLE kver_state_count (
    distro text NOT NULL,
    wanted boolean NOT NULL,
    stage text NOT NULL,
    missing text,
    kernels bigint NOT NULL,
    hosts_running bigint NOT NULL,
    CONSTRAINT kver_state_count_key UNIQUE NULLS NOT DISTINCT (distro, wanted, stage, missing)
) WITH (fillfactor = 50);

CREATE TABLE host_state (
    cluster_name text NOT NULL,
    host_name text NOT NULL,
    cltype integer NOT NULL,
    running_distro text,
    running_version text,
    newest_distro text NOT NULL,
    newest_version text NOT NULL,
    CONSTRAINT host_state_pkey PRIMARY KEY (cluster_name, host_name)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX host_state_running_idx ON host_state (running_distro, running_version);
CREATE INDEX host_state_newest_idx ON host_state (newest_distro, newest_version);

CREATE TABLE host_state_count (
    cltype integer NOT NULL,
    running_distro text,
    running_version text,
    newest_distro text NOT NULL,
    newest_version text NOT NULL,
    hosts bigint NOT NULL,
    CONSTRAINT host_state_count_key UNIQUE NULLS NOT DISTINCT (cltype, running_distro, running_version, newest_distro, newest_version)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX host_state_count_empty_idx ON host_state_count (hosts) WHERE hosts = 0;

-- At most one row. Its snapshot is that of the server of its epoch.
CREATE TABLE kver_state_position (
    singleton boolean NOT NULL DEFAULT true,
    epoch integer NOT NULL,
    snapshot pg_snapshot NOT NULL,
    generation bigint NOT NULL,
    refreshed_at timestamptz NOT NULL,
    CONSTRAINT kver_state_position_pkey PRIMARY KEY (singleton),
    CONSTRAINT kver_state_position_singleton_check CHECK (singleton)
) WITH (fillfactor = 10);

-- Finds the events that added a kernel.
CREATE INDEX event_kver_added_idx ON event ((pkey ->> 'distro'), (pkey ->> 'version'), id) WHERE table_name = 'kver' AND action = 'insert';
DROP INDEX event_kver_idx;
