-- Returns the net effect of a range of the history for each row. generation_diff() and generation_revert() use it.
--
-- The range contains the generations whose position (generation_position()) is greater than "after" and at most "upto". Their events are
-- those with IDs in the range, except for generations that straddle a boundary (generation_straddling()). A generation that was committed
-- in the range belongs to it with all of its events. A generation that was committed later does not belong to it.
--
-- The events of a row are in the order of their ids. The row existed before the range unless its first event is an insert, and exists
-- after it unless its last event is a delete. The old values, merged with the earliest last, are the state before. The new values, merged
-- with the latest last, are the state after. A delete contains all old columns and an insert contains all new columns. For a row that
-- exists on both sides, the result contains only the changed columns.
--
-- Sorting by a hash of the key avoids most comparisons of jsonb. 100,000 events can be sorted in memory with 64 MB. ROWS makes the
-- planner hash this side of a join, which is the smaller side in all callers.
CREATE OR REPLACE FUNCTION event_net_effect(of_table text, after bigint, upto bigint)
RETURNS TABLE (table_name text, pkey jsonb, existed boolean, old jsonb, remains boolean, new jsonb, events bigint)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    committed_after constant bigint[] := public.generation_straddling(upto);
    begun_before constant bigint[] := ARRAY(SELECT unnest(public.generation_straddling(after)) EXCEPT SELECT unnest(committed_after));
BEGIN
    RETURN QUERY
    SELECT ordered.table_name, ordered.pkey,
           min(id) FILTER (WHERE action = 'insert') IS DISTINCT FROM min(id),
           public.event_merge(CASE action WHEN 'delete' THEN fields ELSE ordered.old END ORDER BY id DESC),
           max(id) FILTER (WHERE action = 'delete') IS DISTINCT FROM max(id),
           public.event_merge(CASE WHEN action <> 'delete' THEN fields END ORDER BY id),
           count(*)
    FROM (
        SELECT jsonb_hash_extended(e.pkey, 0) AS hash, e.*
        FROM public.event e
        WHERE (of_table IS NULL OR e.table_name = of_table) AND e.id > after AND e.id <= upto AND e.generation <> ALL (committed_after)
        UNION ALL
        SELECT jsonb_hash_extended(e.pkey, 0), e.*
        FROM public.event e
        WHERE (of_table IS NULL OR e.table_name = of_table) AND e.generation = ANY (begun_before) AND e.id <= after
    ) AS ordered
    GROUP BY hash, ordered.pkey, ordered.table_name;
END
$$;
COMMENT ON FUNCTION event_net_effect(text, bigint, bigint) IS 'Returns the net effect of an interval of the history for each row. The interval contains the generations whose position (see generation_position()) is greater than after and at most upto. If of_table is null, all tables are included.';
REVOKE ALL ON FUNCTION event_net_effect(text, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_net_effect(text, bigint, bigint) TO sqern_reader, sqern_writer;
