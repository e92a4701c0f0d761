-- The transaction's generation, or null when nothing made one yet.
--
-- It is the one whose xact is this transaction's: nobody can choose that, no setting is asked, and it is rolled back with a
-- savepoint as the generation is. Where a dump was restored into another server, whose transactions have lower numbers, it could be
-- another's: that one began at another time, and is not to be written into.
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
            MESSAGE = format('expected a transaction that no generation has yet, got %s, which generation %s of %s has: the database was '
                             'restored into a server that has counted fewer transactions', pg_current_xact_id(), found_id, found_tstamp),
            HINT = 'DO $$ BEGIN WHILE pg_current_xact_id() <= (SELECT max(xact) FROM generation) LOOP COMMIT; END LOOP; END $$';
    END IF;
    RETURN found_id;
END
$function$;
COMMENT ON FUNCTION generation_id_if_assigned() IS 'The transaction''s generation, or null when nothing made one yet.';
REVOKE ALL ON FUNCTION generation_id_if_assigned() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id_if_assigned() TO sqern_reader, sqern_writer;
