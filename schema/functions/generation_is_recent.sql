CREATE OR REPLACE FUNCTION generation_is_recent(generation bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT public.generation_position(generation_is_recent.generation) >= coalesce(max(c.position), 0) / 2
    FROM public.generation_commit c
$$;
COMMENT ON FUNCTION generation_is_recent(bigint) IS 'Returns whether the position of a generation is in the second half of the journal. The state as of such a generation is computed backward from the present, because this reads fewer events.';
REVOKE ALL ON FUNCTION generation_is_recent(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_is_recent(bigint) TO sqern_reader, sqern_writer;
