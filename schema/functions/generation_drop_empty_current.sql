CREATE OR REPLACE FUNCTION generation_drop_empty_current() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN public.generation_drop_empty(public.generation_id_if_assigned());
END
$$;
COMMENT ON FUNCTION generation_drop_empty_current() IS 'Removes the generation of the current transaction if it has no events. Returns whether a generation was removed.';
REVOKE ALL ON FUNCTION generation_drop_empty_current() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_drop_empty_current() TO sqern_writer;
