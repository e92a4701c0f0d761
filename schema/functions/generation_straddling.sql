-- Returns the generations with events up to a position of the history that were committed after it: their transactions were in progress at
-- the position, or are those of the caller. The IDs of their events do not show on which side of the position they belong.
CREATE OR REPLACE FUNCTION generation_straddling(at bigint) RETURNS bigint[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(generation), '{}')
    FROM (
        SELECT c.generation
        FROM public.generation_commit c
        WHERE c.position > at AND c.first_event <= at
        UNION ALL
        SELECT own.id
        FROM (SELECT public.generation_id_if_assigned() AS id) AS own
        WHERE at < 9223372036854775807
          AND EXISTS (SELECT FROM public.event e WHERE e.generation = own.id AND e.id <= at)
          AND NOT EXISTS (SELECT FROM public.generation_commit c WHERE c.generation = own.id)
    ) AS found
$$;
COMMENT ON FUNCTION generation_straddling(bigint) IS 'Returns the generations that have events up to a position of the history (see generation_position()) and a higher position.';
REVOKE ALL ON FUNCTION generation_straddling(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_straddling(bigint) TO sqern_reader, sqern_writer;
