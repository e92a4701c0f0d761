-- Returns the generation of the current transaction, and creates it if there is none.
CREATE OR REPLACE FUNCTION generation_id() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_id bigint := public.generation_id_if_assigned();
    own_epoch integer;
BEGIN
    IF found_id IS NULL THEN
        own_epoch := public.generation_epoch();  -- before an ID is assigned, because it can advance the sequence
        INSERT INTO public.generation (epoch) VALUES (own_epoch) RETURNING id INTO found_id;
    ELSIF EXISTS (SELECT FROM public.generation_commit c WHERE c.generation = found_id) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('cannot change data after generation %s is complete', found_id),
            DETAIL = 'SET CONSTRAINTS … IMMEDIATE completes the generation of a transaction before the commit.',
            HINT = 'Commit before further changes.';
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION generation_id() IS 'Returns the generation of the current transaction. If there is none, creates one without a comment.';
REVOKE ALL ON FUNCTION generation_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id() TO sqern_writer;
