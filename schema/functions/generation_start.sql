-- Earlier changes of the transaction belong to a generation without a comment. The function adds the comment to that generation.
CREATE OR REPLACE FUNCTION generation_start(comment text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    current_id bigint;
    current_comment text;
    own_epoch integer;
BEGIN
    IF coalesce(btrim(comment), '') = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'generation comment must not be empty',
            HINT = 'State the purpose of the changes, for example: SELECT generation_start(''update customer host kernel versions'')';
    END IF;
    IF length(comment) > 4096 THEN
        RAISE string_data_right_truncation USING
            MESSAGE = format('generation comment must not have more than 4096 characters, but has %s', length(comment));
    END IF;
    IF public.generation_id_if_assigned() IS NULL THEN
        own_epoch := public.generation_epoch();  -- before an ID is assigned, because it can advance the sequence
        INSERT INTO public.generation (epoch, comment) VALUES (own_epoch, generation_start.comment) RETURNING id INTO current_id;
        RETURN current_id;
    END IF;
    current_id := public.generation_id();
    SELECT generation.comment INTO current_comment FROM public.generation WHERE generation.id = current_id;
    IF current_comment IS NOT NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('generation %s was already started in this transaction', current_id),
            DETAIL = format('Its comment is %L.', current_comment),
            HINT = 'Commit first, or use the current generation, whose number generation_id() returns.';
    END IF;
    UPDATE public.generation SET comment = generation_start.comment WHERE generation.id = current_id;
    RETURN current_id;
END
$$;
COMMENT ON FUNCTION generation_start(text) IS 'Starts the generation of the current transaction with a comment. Returns the ID of the generation. Raises an error if the generation was already started.';
REVOKE ALL ON FUNCTION generation_start(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_start(text) TO sqern_writer;
