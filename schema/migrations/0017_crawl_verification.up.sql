-- Records what authenticates the metadata of a crawl, so that sqern fetch can refuse packages that nothing authenticates. Only members of
-- sqern_crawler can write crawls and packages; see privileges_expected().
ALTER TABLE crawl ADD COLUMN verified_by text;
ALTER TABLE crawl ADD CONSTRAINT crawl_verified_by_check CHECK (verified_by = 'apt' OR verified_by ~ '^[0-9A-F]{40}([0-9A-F]{24})?$');
CREATE INDEX crawl_verified_idx ON crawl (distro, source) WHERE verified_by IS NOT NULL;
