-- The transaction's generation; makes one when there is none.
--
-- One NOTIFY a generation wakes those who follow the journal: it is sent when the transaction commits, and not at all when it
-- does not. Its payload, the id, is only a word to people: followers read what their snapshot could not see.
CREATE OR REPLACE FUNCTION generation_id() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_id bigint;
    found_tstamp timestamptz;
BEGIN
    -- A transaction that has changed nothing yet gets its number here: a restored generation may have that one.
    SELECT generation.id, generation.tstamp INTO found_id, found_tstamp
    FROM public.generation WHERE generation.xact = pg_current_xact_id();
    IF found_id IS NULL THEN
        INSERT INTO public.generation DEFAULT VALUES RETURNING id INTO found_id;
        PERFORM pg_notify('sqern_generation', found_id::text);
    ELSIF found_tstamp <> now() THEN
        PERFORM public.generation_id_if_assigned();  -- which says what is wrong
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION generation_id() IS 'The transaction''s generation; makes one, without comment, when there is none.';
REVOKE ALL ON FUNCTION generation_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id() TO sqern_writer;
