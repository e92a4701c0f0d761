-- Writes the functions that give a journalled table's rows as they were: <table>_at(generation) and <table>_at(tstamp).
--
-- Each goes the shorter way. Back from the present: the rows of the table, with what later generations changed taken back; a row
-- that none touched passes through as it is. Forward from the beginning: what the generations up to then left, and the table's own
-- rows are behind a filter that is evaluated once. A FULL JOIN can't be planned as a nested loop.
--
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
    columns text;  -- each from row t of the present, or from what was
BEGIN
    SELECT string_agg(format('t.%1$I = (was.pkey ->> %1$L)::%2$s', a.attname, format_type(a.atttypid, a.atttypmod)), ' AND ')
    INTO join_condition
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.conrelid = target AND c.contype = 'p';

    SELECT string_agg(
               CASE WHEN attname = ANY (key_columns)
               THEN format('coalesce((was.pkey ->> %1$L)::%2$s, t.%1$I)', attname, format_type(atttypid, atttypmod))
               ELSE format('CASE WHEN was.image ? %1$L THEN (was.image ->> %1$L)::%2$s ELSE t.%1$I END',
                           attname, format_type(atttypid, atttypmod))
               END, E',\n       ' ORDER BY attnum)
    INTO columns
    FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;

    EXECUTE format($code$
CREATE OR REPLACE FUNCTION public.%1$I(generation bigint) RETURNS SETOF public.%2$I
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT %3$s
FROM (SELECT * FROM public.%2$I WHERE (SELECT public.generation_is_recent(%1$I.generation))) t
FULL JOIN public.event_rows(%4$L, %1$I.generation) was ON %5$s
WHERE was.present IS NOT FALSE;
END;
COMMENT ON FUNCTION public.%1$I(bigint) IS %6$L;
REVOKE ALL ON FUNCTION public.%1$I(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.%1$I(bigint) TO sqern_reader, sqern_writer;

CREATE OR REPLACE FUNCTION public.%1$I(tstamp timestamptz) RETURNS SETOF public.%2$I
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT * FROM public.%1$I(generation => public.generation_at(%1$I.tstamp));
END;
COMMENT ON FUNCTION public.%1$I(timestamptz) IS %7$L;
REVOKE ALL ON FUNCTION public.%1$I(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.%1$I(timestamptz) TO sqern_reader, sqern_writer;
$code$,
        function_name, table_name, columns, table_name, join_condition,
        format('The rows of %s as of a generation: what all generations up to it in the order of generation_place() left; none for 0. Written by journal_attach_at().', table_name),
        format('The rows of %s as of a time, that is as of the generation that generation_at() gives. Written by journal_attach_at().', table_name));
END
$$;
COMMENT ON FUNCTION journal_attach_at(regclass) IS 'Writes a journalled table''s as-of functions, or renews them after a change of its columns.';
REVOKE ALL ON FUNCTION journal_attach_at(regclass) FROM PUBLIC;
