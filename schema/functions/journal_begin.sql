-- Begins the journal of a table that can have rows and, after a downgrade of the schema, events. journal_tables.sql calls it after
-- journal_attach(), which locks the table against writers.
--
-- The baseline contains the rows before the first event: the present rows with all events reverted. Without events, these are the present
-- rows. An older version of the schema does not journal the table. Changes that it made are recorded as events of a new generation, so that
-- the events lead from the baseline to the present rows.
CREATE OR REPLACE FUNCTION journal_begin(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    name constant text := (SELECT relname FROM pg_class WHERE oid = target);
    key_columns constant text[] := public.journal_key(target);
    own bigint;
    difference record;
BEGIN
    IF EXISTS (SELECT FROM public.journal_start s WHERE s.table_name = name) THEN
        RETURN;
    END IF;
    INSERT INTO public.journal_start (table_name, generation)
    VALUES (name, coalesce((SELECT c.generation FROM public.generation_commit c ORDER BY c.position DESC LIMIT 1), 0));
    EXECUTE format($code$
        INSERT INTO public.journal_baseline (table_name, pkey, fields)
        SELECT %1$L, coalesce(net.pkey, t.pkey), coalesce(t.fields, net.new, '{}') || coalesce(net.old, '{}')
        FROM (SELECT %2$s AS pkey, to_jsonb(t) - %3$L::text[] AS fields FROM public.%1$I AS t) AS t
        FULL JOIN public.event_net_effect(%1$L, 0, 9223372036854775807) AS net ON net.pkey = t.pkey
        WHERE net.existed IS NOT FALSE
        $code$, name, public.journal_object('t', key_columns), key_columns);
    FOR difference IN SELECT * FROM public.journal_differences_of(name) LOOP
        IF own IS NULL THEN
            own := public.generation_id();
            UPDATE public.generation g SET comment = 'changes that an older version of the schema did not journal' WHERE g.id = own AND g.comment IS NULL;
        END IF;
        INSERT INTO public.event (generation, table_name, action, pkey, fields, old)
        SELECT own, name,
               CASE WHEN difference.journal IS NULL THEN 'insert' WHEN difference.present IS NULL THEN 'delete' ELSE 'update' END,
               difference.pkey,
               CASE WHEN difference.journal IS NULL THEN difference.present - key_columns
                    WHEN difference.present IS NULL THEN difference.journal - key_columns
                    ELSE (SELECT jsonb_object_agg(p.key, p.value) FROM jsonb_each(difference.present) AS p
                          WHERE p.value IS DISTINCT FROM difference.journal -> p.key) END,
               CASE WHEN difference.journal IS NOT NULL AND difference.present IS NOT NULL
                    THEN (SELECT jsonb_object_agg(p.key, difference.journal -> p.key) FROM jsonb_each(difference.present) AS p
                          WHERE p.value IS DISTINCT FROM difference.journal -> p.key) END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journal_begin(regclass) IS 'Copies the rows of a table to journal_baseline when the table becomes journaled. Does nothing if the journal of the table has begun.';
REVOKE ALL ON FUNCTION journal_begin(regclass) FROM PUBLIC;
