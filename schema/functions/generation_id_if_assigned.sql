-- The transaction's generation, or null when nothing made one yet.
--
-- It is the one whose xact is this transaction's: nobody can choose that, no setting is asked, and it is rolled back with a
-- savepoint as the generation is.
CREATE OR REPLACE FUNCTION generation_id_if_assigned() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT generation.id FROM public.generation WHERE generation.xact = pg_current_xact_id_if_assigned());
END
$$;
COMMENT ON FUNCTION generation_id_if_assigned() IS 'The transaction''s generation, or null when nothing made one yet.';
REVOKE ALL ON FUNCTION generation_id_if_assigned() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_id_if_assigned() TO sqern_reader, sqern_writer;
