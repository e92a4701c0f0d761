-- Returns the generation of the current transaction, or null if there is none.
--
-- The generation is found by its transaction ID, which a client cannot choose, and which is rolled back with a savepoint. A generation that was
-- restored from another server can have the same transaction ID, but not the same start time.
CREATE OR REPLACE FUNCTION generation_id_if_assigned() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT g.id FROM public.generation g WHERE g.xact = pg_current_xact_id_if_assigned() AND g.tstamp = now()
$$;
COMMENT ON FUNCTION generation_id_if_assigned() IS 'Returns the generation of the current transaction, or null if there is none.';
REVOKE ALL ON FUNCTION generation_id_if_assigned() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id_if_assigned() TO sqern_reader, sqern_writer;
