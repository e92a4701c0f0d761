CREATE OR REPLACE FUNCTION generation_at(tstamp timestamptz) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((
        SELECT g.id
        FROM public.generation g
        CROSS JOIN LATERAL (SELECT max(e.id) AS position FROM public.event e WHERE e.generation = g.id) AS last_event
        WHERE g.tstamp <= generation_at.tstamp AND position IS NOT NULL
        ORDER BY position DESC
        LIMIT 1
    ), 0)
$$;
COMMENT ON FUNCTION generation_at(timestamptz) IS 'Returns the generation with the highest position (see generation_position()) that started at or before a time. Returns 0 if there is none.';
REVOKE ALL ON FUNCTION generation_at(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_at(timestamptz) TO sqern_reader, sqern_writer;
