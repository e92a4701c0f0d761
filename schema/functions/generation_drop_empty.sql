-- Removes a generation without events, so that a run without changes leaves no generation. Only the generation of the current transaction
-- can be removed, because the committed history is immutable.
CREATE OR REPLACE FUNCTION generation_drop_empty(generation_id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF generation_id IS NULL OR generation_id IS DISTINCT FROM public.generation_id_if_assigned() THEN
        RETURN false;
    END IF;
    DELETE FROM public.generation
    WHERE generation.id = generation_drop_empty.generation_id
      AND NOT EXISTS (SELECT FROM public.event WHERE event.generation = generation_drop_empty.generation_id);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION generation_drop_empty(bigint) IS 'Removes a generation if it belongs to the current transaction and has no events. Returns whether a generation was removed.';
REVOKE ALL ON FUNCTION generation_drop_empty(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_drop_empty(bigint) TO sqern_writer;
