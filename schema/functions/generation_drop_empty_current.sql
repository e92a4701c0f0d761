CREATE OR REPLACE FUNCTION generation_drop_empty_current() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN public.generation_drop_empty(public.generation_id_if_assigned());
END
$$;
COMMENT ON FUNCTION generation_drop_empty_current() IS 'Removes the transaction''s generation if it has no event; returns whether it did, false when there is none.';
REVOKE ALL ON FUNCTION generation_drop_empty_current() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_drop_empty_current() TO sqern_writer;
