-- The transaction's generation, or null when nothing made one yet.
--
-- The setting sqern.generation is a hint that any client may forge, so it is believed only where the generation that it names
-- was made by this very transaction. It is rolled back with a savepoint, as the generation is.
CREATE OR REPLACE FUNCTION generation_id_if_assigned() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    current_xact constant xid8 := pg_current_xact_id_if_assigned();
    hint constant text := current_setting('sqern.generation', true);
    found_id bigint;
BEGIN
    IF current_xact IS NULL THEN
        RETURN NULL;
    END IF;
    IF hint ~ '^[0-9]{1,18}$' THEN
        SELECT generation.id INTO found_id
        FROM public.generation
        WHERE generation.id = hint::bigint AND generation.xact = current_xact;
        IF FOUND THEN
            RETURN found_id;
        END IF;
    END IF;
    SELECT generation.id INTO found_id FROM public.generation WHERE generation.xact = current_xact;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION generation_id_if_assigned() IS 'The transaction''s generation, or null when nothing made one yet.';
REVOKE ALL ON FUNCTION generation_id_if_assigned() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id_if_assigned() TO sqern_reader, sqern_writer;
