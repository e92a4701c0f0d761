-- Checks the journal: each journaled table must be equal to the result of its baseline and all of its events. Only a role that can bypass the
-- triggers can cause differences.
CREATE OR REPLACE FUNCTION journal_differences() RETURNS TABLE (table_name text, pkey jsonb, journal jsonb, present jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT journaled.name, d.pkey, d.journal, d.present
    FROM public.journal_tables() AS journaled (name) CROSS JOIN LATERAL public.journal_differences_of(journaled.name) AS d
$$;
COMMENT ON FUNCTION journal_differences() IS 'Returns the rows of journaled tables that differ from the journal. Only changes that bypassed the triggers cause differences.';
REVOKE ALL ON FUNCTION journal_differences() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_differences() TO sqern_reader, sqern_writer;

CREATE OR REPLACE FUNCTION journal_differences_of(of_table text) RETURNS TABLE (pkey jsonb, journal jsonb, present jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
BEGIN
    RETURN QUERY EXECUTE format($code$
        SELECT pkey, j.row, t.row
        FROM (SELECT pkey, pkey || coalesce(b.fields, '{}') || coalesce(net.new, '{}') AS row
              FROM (SELECT b.pkey, b.fields FROM public.journal_baseline AS b WHERE b.table_name = %1$L) AS b
              FULL JOIN public.event_net_effect(%1$L, 0, 9223372036854775807) AS net USING (pkey)
              WHERE net.remains IS NOT FALSE) AS j
        FULL JOIN (SELECT %2$s AS pkey, to_jsonb(t) AS row FROM public.%1$I AS t) AS t USING (pkey)
        WHERE j.row IS DISTINCT FROM t.row
        $code$, of_table, public.journal_object('t', public.journal_key(format('public.%I', of_table))));
END
$$;
COMMENT ON FUNCTION journal_differences_of(text) IS 'Returns the rows of a journaled table that differ from the journal.';
REVOKE ALL ON FUNCTION journal_differences_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_differences_of(text) TO sqern_reader, sqern_writer;

-- Compares only the records with later events, each by a lookup of its row. A row that was changed without an event is not found.
CREATE OR REPLACE FUNCTION journal_differences_after(after bigint) RETURNS TABLE (table_name text, pkey jsonb, journal jsonb, present jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    target text;
BEGIN
    FOR target IN SELECT * FROM public.journal_tables() LOOP
        RETURN QUERY EXECUTE format($code$
            SELECT %1$L, p.pkey, CASE WHEN p.remains THEN p.pkey || p.new END, t.row
            FROM public.event_net_effect(%1$L, $1, 9223372036854775807) AS p
            LEFT JOIN LATERAL (SELECT to_jsonb(t) AS row FROM public.%1$I AS t WHERE %2$s) AS t ON t.row @> p.pkey
            WHERE CASE WHEN p.remains THEN t.row IS NULL OR t.row || p.new <> t.row ELSE t.row IS NOT NULL END
            $code$, target, public.journal_match(format('public.%I', target)))
        USING after;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journal_differences_after(bigint) IS 'Returns the rows that differ from their events after a position of the history (see generation_position()). The values of the journal are those of the changed columns.';
REVOKE ALL ON FUNCTION journal_differences_after(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_differences_after(bigint) TO sqern_reader, sqern_writer;
