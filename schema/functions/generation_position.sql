-- Returns the position of a generation in the history, which is the ID of its last event.
--
-- Ids are assigned at the first change of a transaction. Of two concurrent generations, the one with the lower id can therefore have
-- changed a row last. With the last change as the position, a generation follows all generations on which it depends. A transaction
-- that waits for a row or key makes its change after the last change of the other transaction. Every prefix of this order is therefore a
-- consistent state. A generation without events has the position of the last generation with events before it.
CREATE OR REPLACE FUNCTION generation_position(generation bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted constant bigint := generation_position.generation;
    last_id bigint;
BEGIN
    SELECT max(id) INTO last_id FROM public.event WHERE generation = wanted;
    IF last_id IS NULL THEN
        IF wanted IS DISTINCT FROM 0 AND NOT EXISTS (SELECT FROM public.generation WHERE id = wanted) THEN
            RAISE no_data_found USING
                MESSAGE = format('generation %s does not exist', coalesce(wanted::text, 'null')),
                HINT = 'List the recent generations: SELECT id, tstamp, comment FROM generation ORDER BY id DESC LIMIT 20';
        END IF;
        SELECT max(id) INTO last_id FROM public.event
        WHERE generation = (SELECT max(generation) FROM public.event WHERE generation < wanted);
    END IF;
    RETURN coalesce(last_id, 0);
END
$$;
COMMENT ON FUNCTION generation_position(bigint) IS 'Returns the position of a generation in the history: the ID of its last event. A generation without events has the position of the preceding generation with events. Returns 0 for generation 0, the empty state.';
REVOKE ALL ON FUNCTION generation_position(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_position(bigint) TO sqern_reader, sqern_writer;
