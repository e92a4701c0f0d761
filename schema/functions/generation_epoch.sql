-- Returns the epoch of the connected server, and creates it for the first change on this server.
--
-- The first change on a server can follow a switch by logical replication, which copies rows, but not sequences. The sequences of all tables
-- are therefore advanced before it.
CREATE OR REPLACE FUNCTION generation_epoch() RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    this_server constant bigint := (SELECT system_identifier FROM pg_control_system());
    epoch integer := (SELECT e.id FROM public.generation_epoch e WHERE e.system_identifier = this_server);
BEGIN
    IF epoch IS NULL THEN
        PERFORM setval(behind.sequence, behind.highest) FROM public.sequences_behind() AS behind;
        INSERT INTO public.generation_epoch (system_identifier) VALUES (this_server) ON CONFLICT (system_identifier) DO NOTHING;
        -- A concurrent transaction can have inserted the row. In a REPEATABLE READ transaction, the insert then fails.
        SELECT e.id INTO STRICT epoch FROM public.generation_epoch e WHERE e.system_identifier = this_server;
    END IF;
    RETURN epoch;
END
$$;
COMMENT ON FUNCTION generation_epoch() IS 'Returns the epoch of the connected server. Creates it, and advances sequences that are behind their tables, if this is the first change on the server.';
REVOKE ALL ON FUNCTION generation_epoch() FROM PUBLIC;

ALTER TABLE generation ALTER COLUMN epoch SET DEFAULT generation_epoch();
