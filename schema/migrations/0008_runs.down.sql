DROP INDEX sp_test_kver_kver_idx;
CREATE INDEX sp_test_kver_kver_idx ON sp_test_kver (distro, version);
DROP INDEX sp_build_kver_kver_idx;
CREATE INDEX sp_build_kver_kver_idx ON sp_build_kver (distro, version);
DROP INDEX sp_build_open_idx, sp_build_revision_idx;
DROP TABLE sp_test_kver_log, sp_build_kver_log, sp_test_lease, sp_build_lease;
