-- Returns the generation of the current transaction, or null if there is none.
--
-- The generation is found by its transaction ID, which a client cannot choose, and which is rolled back with a savepoint. After a restore into
-- a server with lower transaction IDs, a restored generation can have the ID of the current transaction. Its start time differs, and no
-- events may be added to it.
CREATE OR REPLACE FUNCTION generation_id_if_assigned() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    found_id bigint;
    found_tstamp timestamptz;
BEGIN
    SELECT generation.id, generation.tstamp INTO found_id, found_tstamp
    FROM public.generation WHERE generation.xact = pg_current_xact_id_if_assigned();
    IF found_tstamp <> now() THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('transaction ID %s already belongs to generation %s', pg_current_xact_id(), found_id),
            DETAIL = format('The generation was recorded at %s. The database was restored into a server with lower transaction IDs.',
                            found_tstamp),
            HINT = 'Advance the transaction IDs: DO $$ BEGIN WHILE pg_current_xact_id() <= (SELECT max(xact) FROM generation) LOOP COMMIT; END LOOP; END $$';
    END IF;
    RETURN found_id;
END
$function$;
COMMENT ON FUNCTION generation_id_if_assigned() IS 'Returns the generation of the current transaction, or null if there is none.';
REVOKE ALL ON FUNCTION generation_id_if_assigned() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id_if_assigned() TO sqern_reader, sqern_writer;
