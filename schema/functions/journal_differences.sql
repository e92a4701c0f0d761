-- Checks the journal: each journaled table must be equal to the result of all of its events. Only a role that can bypass the triggers can
-- cause differences.
CREATE OR REPLACE FUNCTION journal_differences() RETURNS TABLE (table_name text, pkey jsonb, journal jsonb, present jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    target record;
BEGIN
    FOR target IN
        SELECT name, public.journal_object('t', public.journal_key(format('public.%I', name))) AS key_of
        FROM public.journal_tables() AS name
    LOOP
        RETURN QUERY EXECUTE format($code$
            SELECT %1$L, pkey, j.row, t.row
            FROM (SELECT net.pkey, net.pkey || net.new AS row
                  FROM public.event_net_effect(%1$L, 0, 9223372036854775807) AS net WHERE net.remains) AS j
            FULL JOIN (SELECT %2$s AS pkey, to_jsonb(t) AS row FROM public.%1$I AS t) AS t USING (pkey)
            WHERE j.row IS DISTINCT FROM t.row
            $code$, target.name, target.key_of);
    END LOOP;
END
$$;
COMMENT ON FUNCTION journal_differences() IS 'Returns the rows of journaled tables that differ from the journal. Only changes that bypassed the triggers cause differences.';
REVOKE ALL ON FUNCTION journal_differences() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_differences() TO sqern_reader, sqern_writer;
