-- Returns the generation of the current transaction, and creates it if there is none.
--
-- Each generation sends one notification, which wakes the followers of the journal when the transaction commits. The payload, the id, is
-- informational: followers read all generations that are not visible in their last snapshot.
CREATE OR REPLACE FUNCTION generation_id() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_id bigint;
    found_tstamp timestamptz;
BEGIN
    -- This assigns a transaction ID. After a restore, an old generation can have the same transaction ID.
    SELECT generation.id, generation.tstamp INTO found_id, found_tstamp
    FROM public.generation WHERE generation.xact = pg_current_xact_id();
    IF found_id IS NULL THEN
        INSERT INTO public.generation DEFAULT VALUES RETURNING id INTO found_id;
        PERFORM pg_notify('sqern_generation', found_id::text);
    ELSIF found_tstamp <> now() THEN
        PERFORM public.generation_id_if_assigned();  -- raises the error
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION generation_id() IS 'Returns the generation of the current transaction. If there is none, creates one without a comment.';
REVOKE ALL ON FUNCTION generation_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id() TO sqern_writer;
