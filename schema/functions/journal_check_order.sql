-- Checks that the events of a generation are in the order of its changes. generation_record_commit() calls it before the commit.
--
-- The triggers run at the end of a statement. If a statement changes a row that a function or another part of the statement changes again,
-- its event is recorded after the event of the later change. Such a generation is rejected. The recorded events are the actual changes in
-- another order. If they form a chain that ends with the present state of the row, the chain therefore also starts with the state before the
-- generation. Records with one event need no check.
CREATE OR REPLACE FUNCTION journal_check_order(checked bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    target text;
    reordered jsonb;
BEGIN
    FOR target IN
        SELECT DISTINCT changed.table_name
        FROM (SELECT e.table_name FROM public.event e WHERE e.generation = checked
              GROUP BY e.table_name, jsonb_hash_extended(e.pkey, 0) HAVING count(*) > 1) AS changed
    LOOP
        SELECT pkey INTO reordered FROM public.journal_broken_chains(target, checked) LIMIT 1;
        IF reordered IS NULL THEN
            EXECUTE format($code$
                SELECT p.pkey
                FROM (
                    SELECT e.pkey, (array_agg(e.action ORDER BY e.id DESC))[1] AS action,
                           public.event_merge(CASE WHEN e.action <> 'delete' THEN e.fields END ORDER BY e.id) AS image
                    FROM public.event e
                    WHERE e.generation = $1 AND e.table_name = %1$L
                    GROUP BY jsonb_hash_extended(e.pkey, 0), e.pkey
                    HAVING count(*) > 1
                ) AS p
                LEFT JOIN LATERAL (SELECT to_jsonb(t) AS present FROM public.%1$I t WHERE %2$s) AS row ON row.present @> p.pkey
                WHERE CASE WHEN p.action = 'delete' THEN row.present IS NOT NULL
                           ELSE row.present IS NULL OR row.present || p.image <> row.present END
                LIMIT 1
                $code$, target, public.journal_match(format('public.%I', target)))
            INTO reordered USING checked;
        END IF;
        IF reordered IS NOT NULL THEN
            RAISE triggered_data_change_violation USING
                MESSAGE = format('cannot change a row of table %s more than once in one statement', target),
                DETAIL = format('The key of the row is %s.', reordered),
                HINT = 'Use a separate statement for each change.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION journal_check_order(bigint) IS 'Raises an error if the events of a generation are not in the order of its changes. Internal function of generation_record_commit().';
REVOKE ALL ON FUNCTION journal_check_order(bigint) FROM PUBLIC;
