-- Returns the position of a generation in the history, which generation_record_commit() assigned at its commit.
--
-- The generation of the current transaction follows all committed ones.
CREATE OR REPLACE FUNCTION generation_position(generation bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted constant bigint := generation_position.generation;
    found_position bigint;
BEGIN
    IF wanted = 0 THEN
        RETURN 0;
    END IF;
    SELECT c.position INTO found_position FROM public.generation_commit c WHERE c.generation = wanted;
    IF NOT FOUND THEN
        IF NOT EXISTS (SELECT FROM public.generation WHERE id = wanted) THEN
            RAISE no_data_found USING
                MESSAGE = format('generation %s does not exist', coalesce(wanted::text, 'null')),
                HINT = 'List the recent generations: SELECT id, tstamp, comment FROM generation ORDER BY id DESC LIMIT 20';
        END IF;
        RETURN 9223372036854775807;
    END IF;
    RETURN found_position;
END
$$;
COMMENT ON FUNCTION generation_position(bigint) IS 'Returns the position of a generation in the history, which is the order of the commits. Returns 0 for generation 0, the empty state. The generation of the current transaction has the highest position.';
REVOKE ALL ON FUNCTION generation_position(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_position(bigint) TO sqern_reader, sqern_writer;
