-- The steps of generation_revert(). Each function executes one kind of change in one table and returns the number of changed rows. The plan
-- contains the changes of the reverted generation (see generation_diff()), so its inserts are deleted and its deletes are inserted.

CREATE OR REPLACE FUNCTION generation_revert_delete(target text, reverted bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    foreign_key record;
    referencing record;
    done bigint;
BEGIN
    FOR foreign_key IN
        SELECT (SELECT relname::text FROM pg_class WHERE oid = f.conrelid) AS child,
               string_agg(format('c.%I = (p.pkey ->> %L)::%s', own.attname, key.attname, format_type(key.atttypid, key.atttypmod)), ' AND ') AS condition,
               format('jsonb_build_object(%s)', string_agg(format('%L, c.%I', own.attname, own.attname), ', ')) AS record,
               format('jsonb_build_object(%s)', string_agg(format('%L, (e.pkey || e.fields) -> %L', own.attname, own.attname), ', ')) AS record_of_event
        FROM pg_constraint f
        CROSS JOIN LATERAL unnest(f.conkey, f.confkey) AS pair (own, key)
        JOIN pg_attribute own ON own.attrelid = f.conrelid AND own.attnum = pair.own
        JOIN pg_attribute key ON key.attrelid = f.confrelid AND key.attnum = pair.key
        WHERE f.contype = 'f' AND f.confrelid = format('public.%I', target)::regclass AND f.confdeltype <> 'c'
        GROUP BY f.oid, f.conrelid
    LOOP
        EXECUTE format($code$
            WITH found AS (
                SELECT %s AS record
                FROM pg_temp.generation_revert_plan p JOIN public.%I c ON %s
                WHERE p.table_name = %L AND p.action = 'insert'
            )
            SELECT count(*) AS records, count(DISTINCT record) AS keys,
                (SELECT string_agg(text, E'\n  ' ORDER BY text)
                 FROM (SELECT DISTINCT format('%%s %%s', %L, record) AS text FROM found ORDER BY text LIMIT 10) AS shown) AS text,
                (SELECT string_agg(id::text, ', ' ORDER BY id DESC) || CASE WHEN max(number) > 10 THEN ', …' ELSE '' END
                 FROM (SELECT DISTINCT generation AS id, dense_rank() OVER (ORDER BY generation DESC) AS number
                       FROM public.event e
                       WHERE table_name = %L AND action <> 'delete' AND generation <> $1
                           AND generation IS DISTINCT FROM public.generation_id_if_assigned()
                           AND %s IN (SELECT record FROM found)) AS numbered
                 WHERE number <= 10) AS generations
            FROM found
            $code$, foreign_key.record, foreign_key.child, foreign_key.condition, target, foreign_key.child, foreign_key.child,
            foreign_key.record_of_event)
        INTO referencing USING reverted;
        IF referencing.records > 0 THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = format('cannot revert generation %s: rows that it inserted into table %s are referenced by %s %s of table %s', reverted,
                                 target, referencing.records, CASE referencing.records WHEN 1 THEN 'row' ELSE 'rows' END, foreign_key.child),
                DETAIL = referencing.text || CASE WHEN referencing.keys > 10 THEN format(E'\n  and %s more', referencing.keys - 10) ELSE '' END,
                HINT = coalesce(format('Revert the generations of these rows first, starting with the newest: %s.', referencing.generations),
                                'Delete these rows first.');
        END IF;
    END LOOP;
    EXECUTE format('DELETE FROM public.%I t USING pg_temp.generation_revert_plan p WHERE p.table_name = %L AND p.action = ''insert'' AND %s',
                   target, target, public.journal_match(format('public.%I', target)));
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END
$$;
COMMENT ON FUNCTION generation_revert_delete(text, bigint) IS 'Deletes the rows that the generation inserted. Raises an error if other rows reference them. Internal function of generation_revert().';
REVOKE ALL ON FUNCTION generation_revert_delete(text, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION generation_revert_insert(target text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    done bigint;
BEGIN
    EXECUTE (
        SELECT format(
            'INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM pg_temp.generation_revert_plan p
             WHERE p.table_name = %L AND p.action = ''delete''',
            target, string_agg(quote_ident(attname), ', ' ORDER BY attnum),
            string_agg(format('(p.%I ->> %L)::%s', CASE WHEN attname = ANY (public.journal_key(attrelid::regclass)) THEN 'pkey' ELSE 'fields' END,
                              attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum),
            target)
        FROM pg_attribute
        WHERE attrelid = format('public.%I', target)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END
$$;
COMMENT ON FUNCTION generation_revert_insert(text) IS 'Inserts the rows that the generation deleted. Internal function of generation_revert().';
REVOKE ALL ON FUNCTION generation_revert_insert(text) FROM PUBLIC;

-- A partial unique index can apply to live or current rows only. Rows that leave the index are therefore updated before rows that enter it.
CREATE OR REPLACE FUNCTION generation_revert_update(target text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    assignments text;
    conditions text[];  -- of the partial unique keys, for the new version x of the row
    rounds text[] := '{true}';
    round text;
    done bigint := 0;
    of_round bigint;
BEGIN
    SELECT string_agg(format('%1$I = CASE WHEN p.old ? %1$L THEN (p.old ->> %1$L)::%2$s ELSE t.%1$I END',
                             a.attname, format_type(a.atttypid, a.atttypmod)), ', ')
    INTO assignments
    FROM (SELECT DISTINCT jsonb_object_keys(p.old) AS name FROM pg_temp.generation_revert_plan p
          WHERE p.table_name = target AND p.action = 'update') AS changed
    JOIN pg_attribute a ON a.attrelid = format('public.%I', target)::regclass AND a.attname = changed.name AND a.attgenerated = '';
    IF assignments IS NULL THEN
        RETURN 0;
    END IF;
    SELECT array_agg(condition) INTO conditions
    FROM (SELECT 'deleted_at = ''-infinity''' AS condition
          FROM pg_attribute WHERE attrelid = format('public.%I', target)::regclass AND attname = 'deleted_at'
          UNION ALL
          SELECT pg_get_expr(indpred, indrelid)
          FROM pg_index WHERE indrelid = format('public.%I', target)::regclass AND indisunique AND indpred IS NOT NULL) AS of_keys;
    IF conditions IS NOT NULL THEN
        SELECT array_agg(format('(SELECT %s FROM jsonb_populate_record(t, p.old) AS x) = %s', sum, met) ORDER BY met) INTO rounds
        FROM (SELECT string_agg(format('(%s)::integer', condition), ' + ') AS sum FROM unnest(conditions) AS condition) AS of_row
        CROSS JOIN generate_series(0, cardinality(conditions)) AS met;
    END IF;
    FOREACH round IN ARRAY rounds LOOP
        EXECUTE format('UPDATE public.%I t SET %s FROM pg_temp.generation_revert_plan p
                        WHERE p.table_name = %L AND p.action = ''update'' AND %s AND %s',
                       target, assignments, target, public.journal_match(format('public.%I', target)), round);
        GET DIAGNOSTICS of_round = ROW_COUNT;
        done := done + of_round;
    END LOOP;
    RETURN done;
END
$$;
COMMENT ON FUNCTION generation_revert_update(text) IS 'Restores the old values of the rows that the generation updated. Internal function of generation_revert().';
REVOKE ALL ON FUNCTION generation_revert_update(text) FROM PUBLIC;
