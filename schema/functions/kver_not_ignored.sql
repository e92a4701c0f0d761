CREATE OR REPLACE VIEW kver_not_ignored AS
SELECT kver.distro, kver.version
FROM kver
WHERE NOT kver.archived
  AND NOT EXISTS (SELECT FROM kver_ignored WHERE kver_ignored.distro = kver.distro AND kver_ignored.version = kver.version);
COMMENT ON VIEW kver_not_ignored IS 'The kernel versions that are wanted: not archived, and matching no live pattern of kver_ignore.';
COMMENT ON COLUMN kver_not_ignored.distro IS 'The distribution that ships the kernel.';
COMMENT ON COLUMN kver_not_ignored.version IS 'The kernel version as a host reports it.';
GRANT SELECT ON kver_not_ignored TO sqern_reader, sqern_writer;
