CREATE OR REPLACE FUNCTION upstream_incomplete(at timestamptz DEFAULT 'infinity')
RETURNS TABLE (distro text, source text, state text, reason text, checked_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT crawl.distro, crawl.source, crawl.state, crawl.reason, crawl.checked_at
    FROM public.distro
    CROSS JOIN LATERAL (
        SELECT last.checked_at FROM public.crawl AS last
        WHERE last.distro = distro.name AND last.checked_at <= upstream_incomplete.at
        ORDER BY last.checked_at DESC
        LIMIT 1
    ) AS newest
    JOIN public.crawl ON crawl.distro = distro.name AND crawl.checked_at = newest.checked_at
    WHERE crawl.state NOT IN ('complete', 'unchanged')
    ORDER BY crawl.distro, crawl.source
$$;
COMMENT ON FUNCTION upstream_incomplete(timestamptz) IS 'Returns the sources that were read incompletely. Only the newest check of each distribution at or before the time counts. Lists of these distributions might lack kernels.';
REVOKE ALL ON FUNCTION upstream_incomplete(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION upstream_incomplete(timestamptz) TO sqern_reader, sqern_writer;
