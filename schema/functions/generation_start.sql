-- Starts the transaction's generation with a word on why. Changes that were made before it in the transaction already belong to
-- a generation without comment: that one is taken over.
CREATE OR REPLACE FUNCTION generation_start(comment text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    current_id bigint;
    current_comment text;
BEGIN
    IF coalesce(btrim(comment), '') = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'expected a comment that says what the changes are for, got none',
            HINT = 'SELECT generation_start(''update customer host kernel versions'')';
    END IF;
    current_id := public.generation_id();
    SELECT generation.comment INTO current_comment FROM public.generation WHERE generation.id = current_id;
    IF current_comment IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('expected one generation_start() in a transaction, got a second: generation %s was started as %L',
                             current_id, current_comment),
            HINT = 'Commit first, or call generation_id() to go on with the generation that was started.';
    END IF;
    UPDATE public.generation SET comment = generation_start.comment WHERE generation.id = current_id;
    RETURN current_id;
END
$$;
COMMENT ON FUNCTION generation_start(text) IS 'Starts the transaction''s generation with a comment and returns its id; an error when it was started before.';
REVOKE ALL ON FUNCTION generation_start(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_start(text) TO sqern_writer;
