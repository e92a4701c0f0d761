-- The sequence of event IDs also provides positions. The highest event ID is that of the last generation or of an uncommitted one.
CREATE OR REPLACE FUNCTION sequences_behind() RETURNS TABLE (sequence regclass, last_value bigint, highest bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT c.oid::regclass AS name, a.attname::text AS column_name,
               pg_get_serial_sequence(format('public.%I', c.relname), a.attname)::regclass AS sequence
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attidentity <> ''
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        ORDER BY c.relname
    LOOP
        sequence := target.sequence;
        IF target.name = 'public.event'::regclass THEN
            highest := greatest((SELECT max(c.position) FROM public.generation_commit c),
                                (SELECT max(e.id) FROM public.event e WHERE e.generation = (SELECT max(g.generation) FROM public.event g)));
        ELSE
            EXECUTE format('SELECT max(%I) FROM %s', target.column_name, target.name) INTO highest;
        END IF;
        last_value := coalesce(pg_sequence_last_value(target.sequence), 0);
        IF highest > last_value THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sequences_behind() IS 'Returns the sequences of identity columns whose next value is already used. Rows that logical replication or a partial restore copied can cause this.';
REVOKE ALL ON FUNCTION sequences_behind() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sequences_behind() TO sqern_reader, sqern_writer;
