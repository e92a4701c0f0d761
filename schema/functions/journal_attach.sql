-- Adds a table to the journal: generates the trigger function of the table and its triggers.
--
-- A function with the column names in its code has the cost of INSERT … SELECT of the same events. A generic function costs up to 4 times
-- as much for updates. The function is generated from the catalog, so it contains every column. After a change of the table, call
-- journal_attach() again (sqern db migrate does). The generated function has these properties:
-- * A statement that changes no row creates no generation. An update that changes nothing is recognized only by the comparison of its
--   rows, so its generation is created by the first event.
-- * Old and new rows are joined by a FULL JOIN on the key. It cannot be planned as a nested loop, which a cached plan of a one-row update
--   would use. A changed key produces a delete and an insert.
-- * A plan that was made while the table generation had one page is reused after the table has grown. The table is therefore never scanned.
-- * Times are recorded in UTC in every session time zone, so that equal rows have equal events. Only tables with times have this setting.
CREATE OR REPLACE FUNCTION journal_attach(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function_template constant text := $template$
CREATE OR REPLACE FUNCTION public.{function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off{time_zone}
AS $function$
DECLARE
    own bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT {own_generation} INTO own FROM new_rows LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        own := coalesce(own, public.generation_id());
        INSERT INTO public.event (generation, table_name, action, pkey, fields)
        SELECT own, {table}, 'insert',
               {key_of_n},
               {others_of_n}
        FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT {own_generation} INTO own FROM old_rows LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        own := coalesce(own, public.generation_id());
        INSERT INTO public.event (generation, table_name, action, pkey, fields)
        SELECT own, {table}, 'delete',
               {key_of_o},
               {others_of_o}
        FROM old_rows o;
    ELSE
        SELECT {own_generation} INTO own FROM new_rows LIMIT 1;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO public.event (generation, table_name, action, pkey, fields, old)
        SELECT (SELECT coalesce(own, public.generation_id())), {table},
               CASE WHEN n.{first_key} IS NULL THEN 'delete' WHEN o.{first_key} IS NULL THEN 'insert' ELSE 'update' END,
               CASE WHEN n.{first_key} IS NULL
               THEN {key_of_o}
               ELSE {key_of_n}
               END,
               CASE WHEN n.{first_key} IS NULL
               THEN {others_of_o}
               WHEN o.{first_key} IS NULL
               THEN {others_of_n}
               ELSE {changes_of_n}
               END,
               CASE WHEN n.{first_key} IS NOT NULL AND o.{first_key} IS NOT NULL
               THEN {changes_of_o}
               END
        FROM old_rows o FULL JOIN new_rows n ON {same_key}
        WHERE n.{first_key} IS NULL OR o.{first_key} IS NULL OR {changed};
    END IF;
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION public.{function}() IS {comment};
REVOKE ALL ON FUNCTION public.{function}() FROM PUBLIC;
$template$;
    -- Null if the transaction has no generation. generation_id() creates one, or rejects the change if the generation is complete.
    own_generation constant text :=
        '(SELECT g.id FROM public.generation g
                WHERE g.xact = pg_current_xact_id_if_assigned() AND g.tstamp = now()
                  AND NOT EXISTS (SELECT FROM public.generation_commit c WHERE c.generation = g.id))';
    trigger_template constant text := $template$
CREATE OR REPLACE TRIGGER {trigger} AFTER INSERT ON public.{name}
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.{function}();
CREATE OR REPLACE TRIGGER {trigger}_update AFTER UPDATE ON public.{name}
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.{function}();
CREATE OR REPLACE TRIGGER {trigger}_delete AFTER DELETE ON public.{name}
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.{function}();
CREATE OR REPLACE TRIGGER {trigger}_truncate BEFORE TRUNCATE ON public.{name}
    FOR EACH STATEMENT EXECUTE FUNCTION public.journal_refuse_truncate();
$template$;
    table_name constant text := (SELECT relname FROM pg_class WHERE oid = target);
    key_columns text[] := public.journal_key(target);
    other_columns text[];
    has_times boolean;
    parts jsonb;  -- the values of the placeholders
BEGIN
    SELECT array_agg(attname::text ORDER BY attnum) FILTER (WHERE attname = ANY (key_columns)),
           coalesce(array_agg(attname::text ORDER BY attnum) FILTER (WHERE attname <> ALL (key_columns)), '{}'),
           bool_or(atttypid = 'timestamptz'::regtype)
    INTO key_columns, other_columns, has_times
    FROM pg_attribute
    WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;

    parts := jsonb_build_object(
        'name', quote_ident(table_name),
        'table', quote_literal(table_name),
        'function', quote_ident(table_name || '_record'),
        'trigger', table_name || '_record_trigger',
        'comment', quote_literal(format('Trigger function that records the changes of a statement in table %I. Generated by journal_attach().', table_name)),
        'time_zone', CASE WHEN has_times THEN ' SET timezone = ''UTC''' ELSE '' END,
        'own_generation', own_generation,
        'first_key', quote_ident(key_columns[1]),
        'key_of_n', public.journal_object('n', key_columns),
        'key_of_o', public.journal_object('o', key_columns),
        'others_of_n', public.journal_object('n', other_columns),
        'others_of_o', public.journal_object('o', other_columns),
        'changes_of_n', public.journal_changes('n', other_columns),
        'changes_of_o', public.journal_changes('o', other_columns),
        'same_key', (SELECT string_agg(format('o.%1$I = n.%1$I', name), ' AND ' ORDER BY position)
                     FROM unnest(key_columns) WITH ORDINALITY AS k (name, position)),
        'changed', coalesce((SELECT string_agg(format('o.%1$I IS DISTINCT FROM n.%1$I', name), ' OR ' ORDER BY position)
                             FROM unnest(other_columns) WITH ORDINALITY AS c (name, position)), 'false'));
    EXECUTE public.journal_code(function_template || trigger_template, parts);
END
$$;
COMMENT ON FUNCTION journal_attach(regclass) IS 'Adds a table to the journal. Must be called again after a change of the columns of the table.';
REVOKE ALL ON FUNCTION journal_attach(regclass) FROM PUBLIC;

CREATE OR REPLACE FUNCTION journal_code(template text, parts jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    code text := template;
    part record;
BEGIN
    FOR part IN SELECT key, value FROM jsonb_each_text(parts) LOOP
        code := replace(code, format('{%s}', part.key), part.value);
    END LOOP;
    RETURN code;
END
$$;
COMMENT ON FUNCTION journal_code(text, jsonb) IS 'Returns a template in which each name in braces is replaced by its value in parts. Internal function of the journal.';
REVOKE ALL ON FUNCTION journal_code(text, jsonb) FROM PUBLIC;

CREATE OR REPLACE FUNCTION journal_object(source text, columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(format('jsonb_build_object(%s)', string_agg(format('%1$L, %2$s.%1$I', name, source), ', ' ORDER BY position)), '''{}''::jsonb')
    FROM unnest(columns) WITH ORDINALITY AS c (name, position)
$$;
COMMENT ON FUNCTION journal_object(text, text[]) IS 'Returns the expression for the JSON object of columns of the row "source". Internal function of the journal.';
REVOKE ALL ON FUNCTION journal_object(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_object(text, text[]) TO sqern_reader, sqern_writer;

CREATE OR REPLACE FUNCTION journal_changes(source text, columns text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(string_agg(format('CASE WHEN o.%1$I IS DISTINCT FROM n.%1$I THEN jsonb_build_object(%1$L, %2$s.%1$I) ELSE ''{}'' END', name, source),
                               E'\n               || ' ORDER BY position), '''{}''::jsonb')
    FROM unnest(columns) WITH ORDINALITY AS c (name, position)
$$;
COMMENT ON FUNCTION journal_changes(text, text[]) IS 'Returns the expression for the JSON object of the columns in which rows o and n differ, from the row "source". Internal function of journal_attach().';
REVOKE ALL ON FUNCTION journal_changes(text, text[]) FROM PUBLIC;
