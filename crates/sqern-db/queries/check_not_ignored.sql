WITH wanted AS (
    SELECT kver.distro, kver.version
    FROM kver
    WHERE NOT kver.archived
      AND NOT EXISTS (SELECT FROM kver_ignore AS i
                      WHERE i.distro = kver.distro AND i.deleted_at = '-infinity' AND kver.version LIKE i.pattern)
)
SELECT format('%s %s is %s', distro, version, CASE WHEN wanted.version IS NULL THEN 'in the view, but ignored or archived' ELSE 'not in the view, but neither ignored nor archived' END)
FROM wanted FULL JOIN kver_not_ignored AS shown USING (distro, version)
WHERE wanted.version IS NULL OR shown.version IS NULL
LIMIT 20
