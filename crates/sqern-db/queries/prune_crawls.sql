-- $1 maximum age in seconds. Deletes older crawls that a later complete or unchanged crawl of the same source supersedes. The last verified
-- crawl of each source is kept: it records that the source must not become unsigned.
DELETE FROM crawl AS old
WHERE old.checked_at < now() - make_interval(secs => $1)
  AND EXISTS (SELECT FROM crawl AS c
              WHERE c.distro = old.distro AND c.source = old.source AND c.checked_at > old.checked_at AND c.state IN ('complete', 'unchanged'))
  AND (old.verified_by IS NULL
       OR EXISTS (SELECT FROM crawl AS c
                  WHERE c.distro = old.distro AND c.source = old.source AND c.checked_at > old.checked_at AND c.verified_by IS NOT NULL))
