CREATE OR REPLACE FUNCTION generation_diff(from_generation bigint, to_generation bigint)
RETURNS TABLE (table_name text, action text, pkey jsonb, fields jsonb, old jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.*
    FROM public.event_diff(public.generation_position(from_generation), public.generation_position(to_generation)) AS d
    ORDER BY d.table_name, d.pkey
$$;
COMMENT ON FUNCTION generation_diff(bigint, bigint) IS 'Returns the differences between the states as of two generations, in the form of events.';
REVOKE ALL ON FUNCTION generation_diff(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_diff(bigint, bigint) TO sqern_reader, sqern_writer;

-- No two generations with events have the same position, so a range of one position contains only this generation. A generation without
-- events can have the position of another generation.
CREATE OR REPLACE FUNCTION generation_diff(generation bigint)
RETURNS TABLE (table_name text, action text, pkey jsonb, fields jsonb, old jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.*
    FROM (SELECT public.generation_position(generation_diff.generation) AS position) AS own
    CROSS JOIN LATERAL public.event_diff(own.position - 1, own.position) AS d
    WHERE EXISTS (SELECT FROM public.event e WHERE e.generation = generation_diff.generation)
    ORDER BY d.table_name, d.pkey
$$;
COMMENT ON FUNCTION generation_diff(bigint) IS 'Returns the changes of a generation, in the form of events. Each changed row has exactly one event.';
REVOKE ALL ON FUNCTION generation_diff(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_diff(bigint) TO sqern_reader, sqern_writer;
