-- Returns the part of the journal that <table>_at() requires. It is event_net_effect() for a range that ends at one end of the history. Only
-- one side is needed, which halves the cost.
--
-- For a recent generation the range is all later events, and the images contain the state before them. For an older one the range is all
-- events up to it, and the images contain the state after them. A generation that straddles the position (generation_straddling()) belongs to
-- the later side. The rows of the baseline (journal_begin()) exist before all events.
CREATE OR REPLACE FUNCTION event_rows(of_table text, generation bigint)
RETURNS TABLE (pkey jsonb, present boolean, image jsonb)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    end_position constant bigint := public.generation_position(event_rows.generation);
    straddling constant bigint[] := public.generation_straddling(end_position);
BEGIN
    IF public.generation_is_recent(event_rows.generation) THEN
        RETURN QUERY
        SELECT ordered.pkey, min(id) FILTER (WHERE action = 'insert') IS DISTINCT FROM min(id), public.event_merge(ordered.image)
        FROM (
            SELECT jsonb_hash_extended(e.pkey, 0) AS hash, e.pkey, e.id, e.action,
                   CASE e.action WHEN 'delete' THEN e.fields ELSE e.old END AS image
            FROM public.event e
            WHERE e.table_name = of_table AND (e.id > end_position OR e.generation = ANY (straddling))
            ORDER BY hash, e.pkey, e.id DESC
        ) AS ordered
        GROUP BY hash, ordered.pkey;
    ELSE
        RETURN QUERY
        SELECT ordered.pkey, max(id) FILTER (WHERE action = 'delete') IS DISTINCT FROM max(id), public.event_merge(ordered.image)
        FROM (
            SELECT jsonb_hash_extended(e.pkey, 0) AS hash, e.pkey, e.id, e.action,
                   CASE WHEN e.action <> 'delete' THEN e.fields END AS image
            FROM public.event e
            WHERE e.table_name = of_table AND e.id <= end_position AND e.generation <> ALL (straddling)
            UNION ALL
            SELECT jsonb_hash_extended(b.pkey, 0), b.pkey, 0, 'insert', b.fields
            FROM public.journal_baseline b
            WHERE b.table_name = of_table
            ORDER BY hash, pkey, id
        ) AS ordered
        GROUP BY hash, ordered.pkey;
    END IF;
END
$$;
COMMENT ON FUNCTION event_rows(text, bigint) IS 'Returns the past states of the rows of a table. The column present indicates whether the row existed as of the generation. The column image contains the columns of the row without the key. For a recent generation (see generation_is_recent()), image omits columns without later changes, and rows without later changes are omitted.';
REVOKE ALL ON FUNCTION event_rows(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_rows(text, bigint) TO sqern_reader, sqern_writer;
