-- The comments of all tables and their columns. They are in this file and not in the migrations, because a changed file of functions is
-- also applied to existing databases. The files of the views and functions contain their own comments.

COMMENT ON TABLE schema_migration IS 'Migrations applied by sqern db migrate.';
COMMENT ON COLUMN schema_migration.version IS 'Number of the migration. The highest number is the version of the schema.';
COMMENT ON COLUMN schema_migration.name IS 'Short name of the migration.';
COMMENT ON COLUMN schema_migration.breaking IS 'Whether the migration makes the database unusable for older programs.';
COMMENT ON COLUMN schema_migration.checksum IS 'SHA-256 of the migration file, in hexadecimal.';
COMMENT ON COLUMN schema_migration.tstamp IS 'Time at which the migration was applied.';

COMMENT ON TABLE schema_function IS 'Last applied version of each SQL file that defines functions, triggers, views or comments.';
COMMENT ON COLUMN schema_function.file IS 'Name of the file.';
COMMENT ON COLUMN schema_function.checksum IS 'SHA-256 of the file, in hexadecimal.';

COMMENT ON TABLE generation_commit IS 'Order of the generations in the history. The rows are inserted by a deferred trigger at the commits of the transactions, and never change.';
COMMENT ON COLUMN generation_commit.generation IS 'Generation.';
COMMENT ON COLUMN generation_commit.position IS 'Position of the generation in the history: a number of the sequence of the event IDs. Generations with a higher position were committed later.';
COMMENT ON COLUMN generation_commit.committed_at IS 'Time of the commit. For generations that an older version recorded: start time of the transaction.';
COMMENT ON COLUMN generation_commit.first_event IS 'ID of the first event of the generation. Null if it has no events.';

COMMENT ON TABLE generation_epoch IS 'Servers on which generations were recorded. Transaction IDs of different servers are not comparable.';
COMMENT ON COLUMN generation_epoch.id IS 'Identifies the epoch.';
COMMENT ON COLUMN generation_epoch.system_identifier IS 'System identifier of the server. Null if it is not known.';
COMMENT ON COLUMN generation_epoch.started_at IS 'Start time of the first transaction on the server.';

COMMENT ON TABLE journal_start IS 'Journaled tables, with the start of their journal.';
COMMENT ON COLUMN journal_start.table_name IS 'Name of the table.';
COMMENT ON COLUMN journal_start.generation IS 'Last generation before the journal of the table began. As of this and all earlier generations, the table has the rows of journal_baseline.';
COMMENT ON COLUMN journal_start.tstamp IS 'Time at which the journal of the table began.';

COMMENT ON TABLE journal_baseline IS 'Rows that a table contained when its journal began. They precede all events.';
COMMENT ON COLUMN journal_baseline.table_name IS 'Name of the table.';
COMMENT ON COLUMN journal_baseline.pkey IS 'Key of the row, as in event.pkey.';
COMMENT ON COLUMN journal_baseline.fields IS 'All other columns of the row.';

COMMENT ON TABLE generation IS 'Set of all changes made by one transaction, with its user, client address, time and comment.';
COMMENT ON COLUMN generation.id IS 'Identifies the generation. An ID is assigned when a generation starts, so the IDs are not in commit order.';
COMMENT ON COLUMN generation.xact IS 'ID of the transaction that created the generation. Followers compare it with a pg_snapshot.';
COMMENT ON COLUMN generation.epoch IS 'Epoch (generation_epoch) of the transaction ID.';
COMMENT ON COLUMN generation.tstamp IS 'Start time of the transaction.';
COMMENT ON COLUMN generation.username IS 'Session user.';
COMMENT ON COLUMN generation.ipaddr IS 'Client address. Null for connections over a Unix-domain socket.';
COMMENT ON COLUMN generation.comment IS 'Comment passed to generation_start(). Null if the transaction did not call it.';

COMMENT ON TABLE event IS 'Journal: one row for each row of a journaled table that was inserted, updated or deleted. Only the triggers of the journaled tables insert rows here.';
COMMENT ON COLUMN event.id IS 'Identifies the event. Of two events of a row, the event with the higher ID is the later one, even across generations.';
COMMENT ON COLUMN event.generation IS 'Generation of the change. There is no foreign key, because it would double the cost of an event.';
COMMENT ON COLUMN event.tstamp IS 'Start time of the transaction.';
COMMENT ON COLUMN event.table_name IS 'Changed table.';
COMMENT ON COLUMN event.action IS 'insert, update or delete.';
COMMENT ON COLUMN event.pkey IS 'Key of the row: the columns of the primary or unique key without deleted_at, and the column id if the table has one. A changed key is recorded as a delete and an insert.';
COMMENT ON COLUMN event.fields IS 'For insert and delete, all columns except those of pkey, so that pkey || fields is the row. For update, the new values of the changed columns.';
COMMENT ON COLUMN event.old IS 'For update, the old values of the changed columns. Null for insert and delete.';

COMMENT ON TABLE distro IS 'Linux distribution for which modules can be built.';
COMMENT ON COLUMN distro.name IS 'Name of the distribution, for example debian12. The name is the builder alias of sp-variant.';
COMMENT ON COLUMN distro.variant IS 'Name of the distribution in sp-variant, for example DEBIAN12.';
COMMENT ON COLUMN distro.supported IS 'Whether the vendor supports modules on the distribution. By default, sqern check crawls the supported distributions.';

COMMENT ON TABLE kver IS 'Kernel version of a distribution. Other tables contain its state. Queries for kernels should use the view kver_not_ignored.';
COMMENT ON COLUMN kver.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver.version IS 'Kernel version as printed by uname -r, for example 6.1.0-25-amd64.';
COMMENT ON COLUMN kver.archived IS 'Whether the kernel is archived. Plans skip archived kernels, and reports do not count them as missing.';

COMMENT ON TABLE kver_seen IS 'Kernel version found in the repositories of its distribution. The row remains after the packages of the kernel disappear from the repositories (see kver_package.gone_at).';
COMMENT ON COLUMN kver_seen.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_seen.version IS 'Kernel version.';
COMMENT ON COLUMN kver_seen.tstamp IS 'Time at which the kernel was first found in a repository.';

COMMENT ON TABLE kver_fetched IS 'Kernel version whose headers were fetched. Modules can be built for it.';
COMMENT ON COLUMN kver_fetched.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_fetched.version IS 'Kernel version.';
COMMENT ON COLUMN kver_fetched.tstamp IS 'Time at which the headers were fetched.';

COMMENT ON TABLE kver_ignore IS 'Pattern of ignored kernel versions. The view kver_not_ignored contains the kernel versions that are not archived and match no live pattern.';
COMMENT ON COLUMN kver_ignore.id IS 'Identifies the row, even after the row is marked as deleted.';
COMMENT ON COLUMN kver_ignore.distro IS 'Distribution to which the pattern applies.';
COMMENT ON COLUMN kver_ignore.pattern IS 'SQL LIKE pattern that matches the whole version, with \ as escape character, for example %-cloud-amd64.';
COMMENT ON COLUMN kver_ignore.comment IS 'Reason for ignoring these kernels. Null if none was recorded.';
COMMENT ON COLUMN kver_ignore.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE kver_ignored IS 'Kernel versions that match a live pattern of kver_ignore. The trigger function kver_update_not_ignored() maintains the rows for the view kver_not_ignored.';
COMMENT ON COLUMN kver_ignored.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_ignored.version IS 'Kernel version.';

COMMENT ON TABLE cust_cluster_type IS 'Cluster type: purpose or support state of a cluster.';
COMMENT ON COLUMN cust_cluster_type.id IS 'Number of the cluster type, as in customer reports.';
COMMENT ON COLUMN cust_cluster_type.name IS 'Name of the cluster type.';

COMMENT ON TABLE cust_cluster IS 'Cluster of a customer or of the vendor. Setting deleted_at to -infinity restores a deleted cluster.';
COMMENT ON COLUMN cust_cluster.name IS 'Name of the cluster.';
COMMENT ON COLUMN cust_cluster.cltype IS 'Cluster type.';
COMMENT ON COLUMN cust_cluster.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE cust_host_kver IS 'Kernel version installed on a host of a cluster.';
COMMENT ON COLUMN cust_host_kver.id IS 'Identifies the row, even after the row is marked as deleted.';
COMMENT ON COLUMN cust_host_kver.cluster_name IS 'Cluster of the host.';
COMMENT ON COLUMN cust_host_kver.host_name IS 'Name of the host, unique within its cluster.';
COMMENT ON COLUMN cust_host_kver.distro IS 'Distribution of the host.';
COMMENT ON COLUMN cust_host_kver.version IS 'Installed kernel version.';
COMMENT ON COLUMN cust_host_kver.current IS 'Whether the host runs this kernel. At most one live row of a host has the value true.';
COMMENT ON COLUMN cust_host_kver.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE sp_build IS 'Attempt to build the modules of one revision for several kernels.';
COMMENT ON COLUMN sp_build.id IS 'Identifies the build. The names of its artifacts contain this number.';
COMMENT ON COLUMN sp_build.tstamp IS 'Start time of the build.';
COMMENT ON COLUMN sp_build.result IS 'SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED, case-insensitive. NOT_BUILT and ABORTED are not results of the module: the kernel was skipped, or the build was aborted. Null while the build is in progress.';
COMMENT ON COLUMN sp_build.success IS 'Whether the result is SUCCESS. Null while the build is in progress.';
COMMENT ON COLUMN sp_build.jenkins_job IS 'Job that runs the build. Null if there is none.';
COMMENT ON COLUMN sp_build.storpool_revision IS 'Revision: version of the source tree, for example 21.0.243.620bc3729. Null if unknown.';
COMMENT ON COLUMN sp_build.change_id IS 'ID of the change in the code review system. Null if there is none.';
COMMENT ON COLUMN sp_build.official IS 'Whether the build is intended for release.';
COMMENT ON COLUMN sp_build.release_target IS 'Release target of the build, for example sp-lab. Null if unknown.';
COMMENT ON COLUMN sp_build.dockernel_profile IS 'Profile: name of the set of build containers. Null if none was used.';
COMMENT ON COLUMN sp_build.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE sp_build_kver IS 'Kernel version of a build, with its result.';
COMMENT ON COLUMN sp_build_kver.id IS 'Identifies the row, even after the row is marked as deleted.';
COMMENT ON COLUMN sp_build_kver.build_id IS 'ID of the build.';
COMMENT ON COLUMN sp_build_kver.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN sp_build_kver.version IS 'Kernel version.';
COMMENT ON COLUMN sp_build_kver.result IS 'Result for this kernel, with the values of sp_build.result. Null if the result of the whole build applies.';
COMMENT ON COLUMN sp_build_kver.success IS 'Whether the result for this kernel is SUCCESS. Null if result is null.';
COMMENT ON COLUMN sp_build_kver.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE sp_test IS 'Test run: attempt to test the modules of one build. The test run is in progress until sp_test_result contains its result.';
COMMENT ON COLUMN sp_test.id IS 'Identifies the test run. The names of its artifacts contain this number.';
COMMENT ON COLUMN sp_test.tstamp IS 'Start time of the test run.';
COMMENT ON COLUMN sp_test.build_id IS 'ID of the tested build.';
COMMENT ON COLUMN sp_test.test_flavor IS 'Test flavor: kind of tests. Null if not specified.';
COMMENT ON COLUMN sp_test.test_cluster IS 'Name of the test cluster, which need not be in cust_cluster. Null if not specified.';
COMMENT ON COLUMN sp_test.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE sp_test_kver IS 'Kernel version of a test run, with its result.';
COMMENT ON COLUMN sp_test_kver.id IS 'Identifies the row, even after the row is marked as deleted.';
COMMENT ON COLUMN sp_test_kver.test_id IS 'ID of the test run.';
COMMENT ON COLUMN sp_test_kver.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN sp_test_kver.version IS 'Kernel version.';
COMMENT ON COLUMN sp_test_kver.result IS 'Result for this kernel, with the values of sp_build.result. Null if the result of the whole test run applies.';
COMMENT ON COLUMN sp_test_kver.success IS 'Whether the result for this kernel is SUCCESS. Null if result is null.';
COMMENT ON COLUMN sp_test_kver.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE sp_test_result IS 'Result of a test run. Each test run has at most one live row.';
COMMENT ON COLUMN sp_test_result.id IS 'Identifies the row, even after the row is marked as deleted.';
COMMENT ON COLUMN sp_test_result.test_id IS 'ID of the test run.';
COMMENT ON COLUMN sp_test_result.tstamp IS 'Time at which the row was inserted.';
COMMENT ON COLUMN sp_test_result.result IS 'Result of the whole test run, with the values of sp_build.result. Null while the test run is in progress.';
COMMENT ON COLUMN sp_test_result.success IS 'Whether the result is SUCCESS. Null if result is null.';
COMMENT ON COLUMN sp_test_result.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';

COMMENT ON TABLE sp_available_kver IS 'Kernel version for which modules of a revision are available for a release target.';
COMMENT ON COLUMN sp_available_kver.id IS 'Identifies the row, even after the row is marked as deleted.';
COMMENT ON COLUMN sp_available_kver.storpool_revision IS 'Revision: version of the source tree, for example 21.0.243.620bc3729.';
COMMENT ON COLUMN sp_available_kver.release_target IS 'Release target for which the modules are available, for example sp-lab.';
COMMENT ON COLUMN sp_available_kver.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN sp_available_kver.version IS 'Kernel version.';
COMMENT ON COLUMN sp_available_kver.deleted_at IS 'Time at which the row was marked as deleted; -infinity for a live row.';
COMMENT ON COLUMN sp_available_kver.tstamp IS 'Time at which the modules became available.';

COMMENT ON TABLE kver_package IS 'Package with headers of a kernel version, or support package of the headers, as described by the verified index of a source.';
COMMENT ON COLUMN kver_package.id IS 'Identifies the row.';
COMMENT ON COLUMN kver_package.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_package.version IS 'Kernel version as printed by uname -r. The column package_version contains the version of the package.';
COMMENT ON COLUMN kver_package.source IS 'Source that lists the package, as in crawl.source.';
COMMENT ON COLUMN kver_package.role IS 'Role of the package: "headers" (it contains headers), or "support" (the headers require it).';
COMMENT ON COLUMN kver_package.name IS 'Name of the package.';
COMMENT ON COLUMN kver_package.package_version IS 'Version of the package.';
COMMENT ON COLUMN kver_package.architecture IS 'Architecture of the package, as named by the distribution.';
COMMENT ON COLUMN kver_package.url IS 'Absolute URL of the package, or apt:NAME=VERSION for a package that the local apt fetches.';
COMMENT ON COLUMN kver_package.size_bytes IS 'Size of the file in bytes.';
COMMENT ON COLUMN kver_package.checksum IS 'Checksum of the file: SHA-256 in lower-case hexadecimal, or ALGORITHM:DIGITS (for example sha512:…) if the repository has no SHA-256.';
COMMENT ON COLUMN kver_package.first_seen_at IS 'Time at which the source first listed the package.';
COMMENT ON COLUMN kver_package.gone_at IS 'Time of the check that marked the package as gone: the first complete or unchanged crawl that no longer listed it; for a support package, the first such check that read all sources of the distribution. Null while the source lists the package.';
COMMENT ON COLUMN kver_package.verified_by IS 'Fingerprint of the OpenPGP certificate whose key signed the metadata that last listed the package, or apt if apt has verified it. Null if no signature was verified.';

COMMENT ON TABLE crawl IS 'One crawl of one source, successful or not.';
COMMENT ON COLUMN crawl.id IS 'Identifies the crawl. Later crawls have higher IDs.';
COMMENT ON COLUMN crawl.distro IS 'Distribution of the source.';
COMMENT ON COLUMN crawl.source IS 'Name of the source within its distribution.';
COMMENT ON COLUMN crawl.started_at IS 'Start time of the crawl.';
COMMENT ON COLUMN crawl.finished_at IS 'End time of the crawl.';
COMMENT ON COLUMN crawl.state IS 'complete: all metadata was read and verified. unchanged: the metadata is that of the last complete crawl. partial: an index or a package could not be used, or more than a tenth of the kernels are missing; the verified part was recorded. failed: the root metadata or all indexes could not be read or verified.';
COMMENT ON COLUMN crawl.reason IS 'Error message of a partial or failed crawl. Null otherwise.';
COMMENT ON COLUMN crawl.warnings IS 'Warnings, which did not stop the crawl.';
COMMENT ON COLUMN crawl.url IS 'URL or path of the root metadata of the source.';
COMMENT ON COLUMN crawl.etag IS 'ETag of the root metadata. Null if the server sent none.';
COMMENT ON COLUMN crawl.checksum IS 'SHA-256 over the root metadata, its base URL, and the definition and rules of the source. If the value is that of the last complete or unchanged crawl, the crawl is unchanged. Null for a failed crawl.';
COMMENT ON COLUMN crawl.bytes IS 'Number of compressed bytes received or read.';
COMMENT ON COLUMN crawl.kernels IS 'Number of kernel versions in the source.';
COMMENT ON COLUMN crawl.generation IS 'Generation that recorded the new kernels of the distribution. All crawls of a distribution in one check have the same value. Null if the check found no new kernels of the distribution.';
COMMENT ON COLUMN crawl.checked_at IS 'Time of the check. All crawls of a distribution in one check have the same time.';
COMMENT ON COLUMN crawl.dated_at IS 'Date in the root metadata. Null if the root metadata could not be verified or has no date.';
COMMENT ON COLUMN crawl.verified_by IS 'Fingerprint of the OpenPGP certificate whose key signed the root metadata, or apt if apt has verified it. Null if no signature authenticates the root metadata.';

COMMENT ON TABLE crawl_file IS 'Cached file of root metadata (InRelease, repomd.xml) from the last crawl of a source. Each crawl verifies a cached file again.';
COMMENT ON COLUMN crawl_file.distro IS 'Distribution of the source.';
COMMENT ON COLUMN crawl_file.source IS 'Name of the source within its distribution.';
COMMENT ON COLUMN crawl_file.url IS 'URL of the file, without credentials.';
COMMENT ON COLUMN crawl_file.etag IS 'ETag of the file.';
COMMENT ON COLUMN crawl_file.body IS 'Content of the file.';

COMMENT ON TABLE crawl_index IS 'Cached entries of an index. An index with a known checksum is not downloaded again.';
COMMENT ON COLUMN crawl_index.distro IS 'Distribution of the source.';
COMMENT ON COLUMN crawl_index.source IS 'Name of the source within its distribution.';
COMMENT ON COLUMN crawl_index.name IS 'Name of the index within the source.';
COMMENT ON COLUMN crawl_index.checksum IS 'Key of the cached entries: SHA-256 over the checksum of the index and the rules of the source. If neither has changed, the entries are valid.';
COMMENT ON COLUMN crawl_index.entries IS 'Kernel packages of the index, as JSON in an internal format.';

COMMENT ON TABLE sp_build_lease IS 'Lease of a build in progress. After the lease expires, the next claim aborts the build and can claim its kernels.';
COMMENT ON COLUMN sp_build_lease.build_id IS 'ID of the build.';
COMMENT ON COLUMN sp_build_lease.expires_at IS 'Time at which the lease expires unless it is renewed.';
COMMENT ON COLUMN sp_build_lease.lease IS 'Duration of the lease, counted from the start or from the last renewal.';
COMMENT ON COLUMN sp_build_lease.owner IS 'Owner of the lease: host and process (build run, test run), job, or host and command line (build start, test start).';

COMMENT ON TABLE sp_test_lease IS 'Lease of a test run in progress. After the lease expires, the next claim aborts the test run and can claim its kernels.';
COMMENT ON COLUMN sp_test_lease.test_id IS 'ID of the test run.';
COMMENT ON COLUMN sp_test_lease.expires_at IS 'Time at which the lease expires unless it is renewed.';
COMMENT ON COLUMN sp_test_lease.lease IS 'Duration of the lease, counted from the start or from the last renewal.';
COMMENT ON COLUMN sp_test_lease.owner IS 'Owner of the lease: host and process (build run, test run), job, or host and command line (build start, test start).';

COMMENT ON TABLE sp_build_kver_log IS 'Log and exit status of the build command for one kernel.';
COMMENT ON COLUMN sp_build_kver_log.build_kver_id IS 'Kernel of a build (sp_build_kver.id).';
COMMENT ON COLUMN sp_build_kver_log.host IS 'Host that stores the complete log.';
COMMENT ON COLUMN sp_build_kver_log.path IS 'Path of the complete log on that host. The file does not exist if no command ran.';
COMMENT ON COLUMN sp_build_kver_log.seconds IS 'Duration of the command in seconds.';
COMMENT ON COLUMN sp_build_kver_log.exit_status IS 'Exit status of the command. Null if a signal terminated the command, or if no command ran because the headers were missing.';
COMMENT ON COLUMN sp_build_kver_log.tail IS 'Last lines of the log.';

COMMENT ON TABLE sp_test_kver_log IS 'Log and exit status of the test command for one kernel.';
COMMENT ON COLUMN sp_test_kver_log.test_kver_id IS 'Kernel of a test run (sp_test_kver.id).';
COMMENT ON COLUMN sp_test_kver_log.host IS 'Host that stores the complete log.';
COMMENT ON COLUMN sp_test_kver_log.path IS 'Path of the complete log on that host. The file does not exist if no command ran.';
COMMENT ON COLUMN sp_test_kver_log.seconds IS 'Duration of the command in seconds.';
COMMENT ON COLUMN sp_test_kver_log.exit_status IS 'Exit status of the command. Null if a signal terminated the command, or if no command ran because the headers were missing.';
COMMENT ON COLUMN sp_test_kver_log.tail IS 'Last lines of the log.';

COMMENT ON TABLE kver_state IS 'Read model of kver_status: one row for each kernel. kver_state_refresh() updates it from the journal.';
COMMENT ON COLUMN kver_state.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_state.version IS 'Kernel version as printed by uname -r.';
COMMENT ON COLUMN kver_state.sort_key IS 'Key that sorts the versions of a distribution by age (kver_sort_key()).';
COMMENT ON COLUMN kver_state.wanted IS 'Whether the kernel is neither archived nor ignored.';
COMMENT ON COLUMN kver_state.stage IS 'Furthest stage with any revision.';
COMMENT ON COLUMN kver_state.missing IS 'State of the missing step. Null if the kernel is available.';
COMMENT ON COLUMN kver_state.missing_since IS 'Time from which the step is missing.';
COMMENT ON COLUMN kver_state.archived IS 'Whether the kernel is archived.';
COMMENT ON COLUMN kver_state.ignored IS 'Whether the version matches a live pattern of kver_ignore.';
COMMENT ON COLUMN kver_state.known_at IS 'Time of the event that added the kernel to kver.';
COMMENT ON COLUMN kver_state.seen_at IS 'Time at which the kernel was first found in a repository.';
COMMENT ON COLUMN kver_state.fetched_at IS 'Time at which the headers were fetched.';
COMMENT ON COLUMN kver_state.built_at IS 'Start time of the first successful build.';
COMMENT ON COLUMN kver_state.tested_at IS 'Start time of the first successful test run.';
COMMENT ON COLUMN kver_state.available_at IS 'Time at which the first of the available modules was marked as available.';
COMMENT ON COLUMN kver_state.build_id IS 'ID of the newest build for the kernel.';
COMMENT ON COLUMN kver_state.build_at IS 'Start time of the newest build.';
COMMENT ON COLUMN kver_state.build_result IS 'Result of the newest build for the kernel, in upper case. Null while the build is in progress.';
COMMENT ON COLUMN kver_state.built_by IS 'ID of the newest successful build for the kernel.';
COMMENT ON COLUMN kver_state.test_id IS 'ID of the newest test run for the kernel.';
COMMENT ON COLUMN kver_state.test_at IS 'Start time of the newest test run.';
COMMENT ON COLUMN kver_state.test_result IS 'Result of the newest test run for the kernel, in upper case. Null while the test run is in progress.';
COMMENT ON COLUMN kver_state.tested_by IS 'ID of the newest successful test run for the kernel.';
COMMENT ON COLUMN kver_state.available_for IS 'Release targets for which modules of any revision are available. Null if there are none.';
COMMENT ON COLUMN kver_state.hosts_running IS 'Number of customer hosts that run the kernel.';
COMMENT ON COLUMN kver_state.hosts_installed IS 'Number of customer hosts on which the kernel is installed.';

COMMENT ON TABLE kver_state_count IS 'Read model: numbers of kernels of kver_state by distribution and stage.';
COMMENT ON COLUMN kver_state_count.distro IS 'Distribution of the kernels.';
COMMENT ON COLUMN kver_state_count.wanted IS 'Whether the kernels are neither archived nor ignored.';
COMMENT ON COLUMN kver_state_count.stage IS 'Furthest stage of the kernels.';
COMMENT ON COLUMN kver_state_count.missing IS 'State of the missing step. Null if the kernels are available.';
COMMENT ON COLUMN kver_state_count.kernels IS 'Number of kernels.';
COMMENT ON COLUMN kver_state_count.hosts_running IS 'Number of customer hosts that run one of the kernels.';

COMMENT ON TABLE host_state IS 'Read model: kernels of each customer host in a live cluster.';
COMMENT ON COLUMN host_state.cluster_name IS 'Cluster of the host.';
COMMENT ON COLUMN host_state.host_name IS 'Name of the host.';
COMMENT ON COLUMN host_state.cltype IS 'Type of the cluster.';
COMMENT ON COLUMN host_state.running_distro IS 'Distribution of the running kernel. Null if it is not known.';
COMMENT ON COLUMN host_state.running_version IS 'Version of the running kernel. Null if it is not known.';
COMMENT ON COLUMN host_state.newest_distro IS 'Distribution of the newest kernel. If the kernels are of several distributions, it is the last one by name.';
COMMENT ON COLUMN host_state.newest_version IS 'Version of the newest kernel of this distribution.';

COMMENT ON TABLE host_state_count IS 'Read model: numbers of hosts of host_state by cluster type and kernels.';
COMMENT ON COLUMN host_state_count.cltype IS 'Type of the clusters.';
COMMENT ON COLUMN host_state_count.running_distro IS 'Distribution of the running kernel. Null if it is not known.';
COMMENT ON COLUMN host_state_count.running_version IS 'Version of the running kernel. Null if it is not known.';
COMMENT ON COLUMN host_state_count.newest_distro IS 'Distribution of the newest kernel.';
COMMENT ON COLUMN host_state_count.newest_version IS 'Version of the newest kernel.';
COMMENT ON COLUMN host_state_count.hosts IS 'Number of hosts.';

COMMENT ON TABLE kver_state_position IS 'Part of the journal that the read model contains: one row, or none if the read model was never filled.';
COMMENT ON COLUMN kver_state_position.singleton IS 'Always true, so that the table has at most one row.';
COMMENT ON COLUMN kver_state_position.epoch IS 'Server (generation_epoch) of the snapshot. On another server, the read model is computed again.';
COMMENT ON COLUMN kver_state_position.snapshot IS 'Snapshot in which the contained transactions are visible.';
COMMENT ON COLUMN kver_state_position.generation IS 'Last contained generation in the order of the history. 0 if there is none.';
COMMENT ON COLUMN kver_state_position.refreshed_at IS 'Time of the last update that changed the position.';
