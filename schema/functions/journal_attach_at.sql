-- Writes the functions that give a journalled table's rows as they were: <table>_at(generation) and <table>_at(tstamp).
--
-- Each goes the shorter way; the other one's scans are behind a filter that is evaluated once and never started.
-- * Back from the present: the rows of the table, with the net effect of all later generations taken back. A row that none
--   touched passes through as it is. A FULL JOIN can't be planned as a nested loop.
-- * Forward from the beginning: what the net effect of all generations up to then leaves.
-- They are plain SQL without settings of their own, so that the planner can put them into the query that calls them, which halves
-- the time of a large table; their names are bound when they are made, not by the caller's search_path.
CREATE OR REPLACE FUNCTION journal_attach_at(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    table_name constant text := (SELECT relname FROM pg_class WHERE oid = target);
    function_name constant text := table_name || '_at';
    key_columns constant text[] := public.journal_key(target);
    join_condition text;
    backward text;  -- each column from row t or the object back
    forward text;   -- each column from the object net
BEGIN
    SELECT string_agg(format('t.%1$I = (back.pkey ->> %1$L)::%2$s', a.attname, format_type(a.atttypid, a.atttypmod)), ' AND ')
    INTO join_condition
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.conrelid = target AND c.contype = 'p';

    SELECT string_agg(
               CASE WHEN attname = ANY (key_columns)
               THEN format('coalesce(t.%1$I, (back.pkey ->> %1$L)::%2$s)', attname, type)
               ELSE format('CASE WHEN back.old ? %1$L THEN (back.old ->> %1$L)::%2$s ELSE t.%1$I END', attname, type)
               END, E',\n       ' ORDER BY attnum),
           string_agg(
               format('(net.%1$I ->> %2$L)::%3$s', CASE WHEN attname = ANY (key_columns) THEN 'pkey' ELSE 'new' END, attname, type),
               E',\n       ' ORDER BY attnum)
    INTO backward, forward
    FROM (SELECT attname, attnum, format_type(atttypid, atttypmod) AS type
          FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped) AS columns;

    EXECUTE format($code$
CREATE OR REPLACE FUNCTION public.%1$I(generation bigint) RETURNS SETOF public.%2$I
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT %4$s
FROM public.%2$I t
FULL JOIN public.event_net(%3$L, public.generation_place(%1$I.generation), 9223372036854775807) back ON %6$s
WHERE back.existed IS NOT FALSE AND (SELECT public.generation_is_recent(%1$I.generation))
UNION ALL
SELECT %5$s
FROM public.event_net(%3$L, 0, public.generation_place(%1$I.generation)) net
WHERE net.remains AND NOT (SELECT public.generation_is_recent(%1$I.generation));
END;
COMMENT ON FUNCTION public.%1$I(bigint) IS %7$L;
REVOKE ALL ON FUNCTION public.%1$I(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.%1$I(bigint) TO sqern_reader, sqern_writer;

CREATE OR REPLACE FUNCTION public.%1$I(tstamp timestamptz) RETURNS SETOF public.%2$I
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT * FROM public.%1$I(generation => public.generation_at(%1$I.tstamp));
END;
COMMENT ON FUNCTION public.%1$I(timestamptz) IS %8$L;
REVOKE ALL ON FUNCTION public.%1$I(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.%1$I(timestamptz) TO sqern_reader, sqern_writer;
$code$,
        function_name, table_name, table_name, backward, forward, join_condition,
        format('The rows of %s as of a generation: what all generations up to it in the order of generation_place() left; none for 0. Written by journal_attach_at().', table_name),
        format('The rows of %s as of a time, that is as of the generation that generation_at() gives. Written by journal_attach_at().', table_name));
END
$$;
COMMENT ON FUNCTION journal_attach_at(regclass) IS 'Writes a journalled table''s as-of functions, or renews them after a change of its columns.';
REVOKE ALL ON FUNCTION journal_attach_at(regclass) FROM PUBLIC;
