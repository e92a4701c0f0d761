-- Where a generation stands in the history: at its last change.
--
-- Ids are given when a transaction first changes something, so of two generations that ran at once, the one with the lower id may
-- have changed a record after the other did. Standing each at its last change keeps whatever depends on another behind it: whoever
-- waited for a record, a key or a foreign key made his change after the other's last one. So every prefix of this order is a
-- state that could have been seen. A generation that has no event stands where the one with events before it does.
CREATE OR REPLACE FUNCTION generation_place(generation bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted constant bigint := generation_place.generation;
    place bigint;
BEGIN
    SELECT max(id) INTO place FROM public.event WHERE generation = wanted;
    IF place IS NULL THEN
        IF wanted IS DISTINCT FROM 0 AND NOT EXISTS (SELECT FROM public.generation WHERE id = wanted) THEN
            RAISE no_data_found USING
                MESSAGE = format('expected a generation that is known, got %s', coalesce(wanted::text, 'null')),
                HINT = 'SELECT id, tstamp, comment FROM generation ORDER BY id DESC LIMIT 20';
        END IF;
        SELECT max(id) INTO place FROM public.event
        WHERE generation = (SELECT max(generation) FROM public.event WHERE generation < wanted);
    END IF;
    RETURN coalesce(place, 0);
END
$$;
COMMENT ON FUNCTION generation_place(bigint) IS 'The place of a generation in the order of the history: the id of its last event. 0 for generation 0, before which there was nothing.';
REVOKE ALL ON FUNCTION generation_place(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_place(bigint) TO sqern_reader, sqern_writer;
