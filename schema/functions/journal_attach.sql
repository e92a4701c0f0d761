-- Adds a table to the journal: generates the trigger function of the table and its triggers.
--
-- A function with the column names in its code has the cost of INSERT … SELECT of the same events. A generic function costs up to 4 times
-- as much for updates. The function is generated from the catalog, so it contains every column. After a change of the table, call
-- journal_attach() again (sqern db migrate does). The generated function has these properties:
-- * The generation is determined at the first row, so a statement that changes no row creates no generation. The lookup is part of the
--   statement, so that generation_id() is called only for a new generation. The lookup compares the start time too, because a restored
--   generation can have the same transaction ID. generation_id() rejects it.
-- * Old and new rows are joined by a FULL JOIN on the key. It cannot be planned as a nested loop, which a cached plan of a one-row update
--   would use. A changed key produces a delete and an insert.
-- * If the transaction already has events, each new event is compared with the table. A statement can change a row twice, in its parts or by
--   a called function. Its events can then be in the wrong order, so the statement is rejected.
-- * A plan that was made for a table of one page is reused after the table has grown. The subqueries of the comparison therefore cannot be
--   hashed, and no table is scanned.
-- * Rows are looked up only by the primary key. For an empty table, the planner could choose any index, and would later read an index with
--   few values completely for each row.
-- * Times are recorded in UTC in every session time zone, so that equal rows have equal events. This setting costs as much as one event
--   in a one-row statement, so only tables with times have it.
CREATE OR REPLACE FUNCTION journal_attach(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    table_name constant text := (SELECT relname FROM pg_class WHERE oid = target);
    own_generation constant text :=
        '(SELECT coalesce((SELECT g.id FROM public.generation g WHERE g.xact = pg_current_xact_id() AND g.tstamp = now()),
                          public.generation_id()))';
    -- Whether the transaction has no events yet, evaluated once per statement.
    is_first constant text :=
        '(SELECT max(e.id) IS NULL FROM public.event e
                WHERE e.generation = (SELECT g.id FROM public.generation g WHERE g.xact = pg_current_xact_id()))';
    key_columns text[] := public.journal_key(target);
    other_columns text[];
    primary_columns text[];
    has_times boolean;
    key_of text;         -- jsonb of the key of row %1$s
    others_of text;      -- jsonb of the other columns of row %1$s
    join_condition text;
    changed text;        -- whether any other column differs between o and n
    changes_of text;     -- jsonb of the columns that differ, from row %1$s
    first_key text;
    is_present text;     -- whether the table has row n
    is_gone text;        -- whether the table has no row of o's key
BEGIN
    SELECT array_agg(attname::text ORDER BY attnum) FILTER (WHERE attname = ANY (key_columns)),
           array_agg(attname::text ORDER BY attnum) FILTER (WHERE attname <> ALL (key_columns)),
           bool_or(atttypid = 'timestamptz'::regtype)
    INTO key_columns, other_columns, has_times
    FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;

    SELECT array_agg(a.attname::text) INTO primary_columns
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.conrelid = target AND c.contype = 'p';

    first_key := quote_ident(key_columns[1]);
    SELECT 'jsonb_build_object(' || string_agg(format('%L, %%1$s.%I', name, name), ', ' ORDER BY position) || ')',
           string_agg(format('o.%I = n.%I', name, name), ' AND ' ORDER BY position)
    INTO key_of, join_condition
    FROM unnest(key_columns) WITH ORDINALITY AS k (name, position);

    SELECT coalesce('jsonb_build_object(' || string_agg(format('%L, %%1$s.%I', name, name), ', ' ORDER BY position) || ')',
                    '''{}''::jsonb'),
           coalesce(string_agg(format('o.%I IS DISTINCT FROM n.%I', name, name), ' OR ' ORDER BY position), 'false'),
           coalesce(string_agg(format('CASE WHEN o.%I IS DISTINCT FROM n.%I THEN jsonb_build_object(%L, %%1$s.%I) ELSE ''{}'' END',
                                      name, name, name, name), E'\n               || ' ORDER BY position), '''{}''::jsonb')
    INTO others_of, changed, changes_of
    FROM unnest(other_columns) WITH ORDINALITY AS c (name, position);

    SELECT format('(SELECT true FROM %s t WHERE ', target)
           || string_agg(format(CASE WHEN name = ANY (primary_columns) THEN 't.%I = n.%I' ELSE 't.%I IS NOT DISTINCT FROM n.%I' END, name, name),
                         ' AND ' ORDER BY position)
           || coalesce((SELECT string_agg(format(' AND t.%I IS NOT DISTINCT FROM n.%I', name, name), '') FROM unnest(other_columns) AS c (name)), '')
           || ')',
           format('(SELECT true FROM %s t WHERE ', target)
           || string_agg(format(CASE WHEN name = ANY (primary_columns) THEN 't.%I = o.%I' ELSE 't.%I IS NOT DISTINCT FROM o.%I' END, name, name),
                         ' AND ' ORDER BY position)
           || ') IS NULL'
    INTO is_present, is_gone
    FROM unnest(key_columns) WITH ORDINALITY AS k (name, position);

    EXECUTE format($code$
CREATE OR REPLACE FUNCTION public.%1$I() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off%12$s
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.event (generation, table_name, action, pkey, fields)
        SELECT %13$s, %2$L, CASE WHEN %16$s OR %14$s THEN 'insert' ELSE public.journal_reject_reordered(%2$L::text, %3$s) END,
               %3$s,
               %4$s
        FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO public.event (generation, table_name, action, pkey, fields)
        SELECT %13$s, %2$L, CASE WHEN %16$s OR %15$s THEN 'delete' ELSE public.journal_reject_reordered(%2$L::text, %5$s) END,
               %5$s,
               %6$s
        FROM old_rows o;
    ELSE
        INSERT INTO public.event (generation, table_name, action, pkey, fields, old)
        SELECT %13$s, %2$L,
               CASE WHEN n.%10$s IS NULL
               THEN CASE WHEN %16$s OR %15$s THEN 'delete' ELSE public.journal_reject_reordered(%2$L::text, %5$s) END
               WHEN %16$s OR %14$s
               THEN CASE WHEN o.%10$s IS NULL THEN 'insert' ELSE 'update' END
               ELSE public.journal_reject_reordered(%2$L::text, %3$s)
               END,
               CASE WHEN n.%10$s IS NULL
               THEN %5$s
               ELSE %3$s
               END,
               CASE WHEN n.%10$s IS NULL
               THEN %6$s
               WHEN o.%10$s IS NULL
               THEN %4$s
               ELSE %7$s
               END,
               CASE WHEN n.%10$s IS NOT NULL AND o.%10$s IS NOT NULL
               THEN %8$s
               END
        FROM old_rows o FULL JOIN new_rows n ON %9$s
        WHERE n.%10$s IS NULL OR o.%10$s IS NULL OR %11$s;
    END IF;
    RETURN NULL;
END
$function$
$code$,
        table_name || '_record', table_name, format(key_of, 'n'), format(others_of, 'n'), format(key_of, 'o'),
        format(others_of, 'o'), format(changes_of, 'n'), format(changes_of, 'o'), join_condition, first_key, changed,
        CASE WHEN has_times THEN ' SET timezone = ''UTC''' ELSE '' END,
        own_generation, is_present, is_gone, is_first);

    EXECUTE format($code$
COMMENT ON FUNCTION public.%1$I() IS %2$L;
REVOKE ALL ON FUNCTION public.%1$I() FROM PUBLIC;
CREATE OR REPLACE TRIGGER %3$I AFTER INSERT ON %7$s
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.%1$I();
CREATE OR REPLACE TRIGGER %4$I AFTER UPDATE ON %7$s
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.%1$I();
CREATE OR REPLACE TRIGGER %5$I AFTER DELETE ON %7$s
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.%1$I();
CREATE OR REPLACE TRIGGER %6$I BEFORE TRUNCATE ON %7$s
    FOR EACH STATEMENT EXECUTE FUNCTION public.journal_refuse_truncate();
$code$,
        table_name || '_record', format('Trigger function that records the changes of a statement in table %I. Generated by journal_attach().', table_name),
        table_name || '_record_trigger', table_name || '_record_trigger_update', table_name || '_record_trigger_delete',
        table_name || '_record_trigger_truncate', target);
END
$$;
COMMENT ON FUNCTION journal_attach(regclass) IS 'Adds a table to the journal. Must be called again after a change of the columns of the table.';
REVOKE ALL ON FUNCTION journal_attach(regclass) FROM PUBLIC;
