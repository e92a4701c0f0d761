CREATE OR REPLACE VIEW kver_not_ignored AS
SELECT kver.distro, kver.version
FROM kver
WHERE NOT kver.archived
  AND NOT EXISTS (SELECT FROM kver_ignored WHERE kver_ignored.distro = kver.distro AND kver_ignored.version = kver.version);
COMMENT ON VIEW kver_not_ignored IS 'Kernel versions that are not archived and match no live pattern of kver_ignore.';
COMMENT ON COLUMN kver_not_ignored.distro IS 'Distribution of the kernel.';
COMMENT ON COLUMN kver_not_ignored.version IS 'Kernel version as printed by uname -r.';
