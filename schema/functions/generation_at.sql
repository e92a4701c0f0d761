CREATE OR REPLACE FUNCTION generation_at(tstamp timestamptz) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT c.generation
        FROM public.generation_commit c
        WHERE c.committed_at <= generation_at.tstamp
        ORDER BY c.committed_at DESC, c.position DESC
        LIMIT 1
    ), 0)
$$;
COMMENT ON FUNCTION generation_at(timestamptz) IS 'Returns the last generation that was committed at or before a time. Returns 0 if there is none.';
REVOKE ALL ON FUNCTION generation_at(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_at(timestamptz) TO sqern_reader, sqern_writer;
