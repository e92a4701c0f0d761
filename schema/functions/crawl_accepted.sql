-- sqern fetch uses this view to determine whether a package is verified. A partial crawl can add packages, but does not remove packages that
-- are no longer listed. The packages of a source are therefore verified only if the last complete crawl and all later ones are.
CREATE OR REPLACE VIEW crawl_accepted AS
SELECT DISTINCT ON (crawl.distro, crawl.source) crawl.distro, crawl.source, crawl.url, crawl.checksum, crawl.dated_at, crawl.finished_at,
    CASE WHEN NOT EXISTS (
        SELECT FROM crawl AS later
        WHERE later.distro = crawl.distro AND later.source = crawl.source AND later.id > crawl.id
          AND later.state = 'partial' AND later.verified_by IS NULL
    ) THEN crawl.verified_by END AS verified_by
FROM crawl
WHERE crawl.state IN ('complete', 'unchanged')
ORDER BY crawl.distro, crawl.source, crawl.id DESC;
COMMENT ON VIEW crawl_accepted IS 'Root metadata of the last complete or unchanged crawl of each source.';
COMMENT ON COLUMN crawl_accepted.distro IS 'Distribution of the source.';
COMMENT ON COLUMN crawl_accepted.source IS 'Name of the source within its distribution.';
COMMENT ON COLUMN crawl_accepted.url IS 'URL of the root metadata, without credentials.';
COMMENT ON COLUMN crawl_accepted.checksum IS 'Checksum of the root metadata and the rules of the source.';
COMMENT ON COLUMN crawl_accepted.dated_at IS 'Date in the root metadata.';
COMMENT ON COLUMN crawl_accepted.finished_at IS 'End of the crawl.';
COMMENT ON COLUMN crawl_accepted.verified_by IS 'Fingerprint of the OpenPGP certificate whose key signed the root metadata, or apt if apt has verified it. Null if this crawl or a later partial crawl read root metadata without a valid signature.';
