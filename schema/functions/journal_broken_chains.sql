-- Returns the events that do not start from the state that the previous event of their record left. Only a role that can bypass the triggers
-- can cause them.
--
-- The state before an event is the merged new values of the earlier events of its record in the selection. Of an update or delete, only
-- the columns in this state are compared. Two JSON objects agree on their common keys if both orders of merging them have the same result.
--
-- A row of the baseline (journal_begin()) precedes the events of its record, like an insert.
CREATE OR REPLACE FUNCTION journal_broken_chains(of_table text, of_generation bigint DEFAULT NULL, after bigint DEFAULT 0)
RETURNS TABLE (id bigint, generation bigint, pkey jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT chain.id, chain.generation, chain.pkey
    FROM (
        SELECT e.id, e.generation, e.pkey, e.action,
               CASE e.action WHEN 'delete' THEN e.fields ELSE e.old END AS required,
               lag(e.action) OVER record AS previous,
               public.event_merge(CASE WHEN e.action <> 'delete' THEN e.fields END) OVER (record ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS state
        FROM (
            SELECT e.id, e.generation, e.pkey, e.action, e.fields, e.old
            FROM public.event e
            WHERE e.table_name = of_table AND (of_generation IS NULL OR e.generation = of_generation) AND e.id > after
            UNION ALL
            SELECT 0, 0, b.pkey, 'insert', b.fields, NULL
            FROM public.journal_baseline b
            WHERE b.table_name = of_table AND of_generation IS NULL AND after = 0
        ) AS e
        WINDOW record AS (PARTITION BY jsonb_hash_extended(e.pkey, 0), e.pkey ORDER BY e.id)
    ) AS chain
    WHERE CASE
        WHEN chain.previous IS NULL THEN chain.action <> 'insert' AND of_generation IS NULL AND after = 0
        WHEN chain.action = 'insert' THEN chain.previous <> 'delete'
        ELSE chain.previous = 'delete' OR chain.state || chain.required <> chain.required || chain.state
    END;
END
$$;
COMMENT ON FUNCTION journal_broken_chains(text, bigint, bigint) IS 'Returns the events of a table that do not start from the state that the previous event of their record left. Without arguments, all events are compared; otherwise those of a generation, or those with a higher ID than after.';
REVOKE ALL ON FUNCTION journal_broken_chains(text, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_broken_chains(text, bigint, bigint) TO sqern_reader, sqern_writer;
