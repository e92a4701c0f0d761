-- Returns the events that a single generation would have recorded for the change between two generation positions, in either direction.
-- A row with exactly one event between the positions needs no comparison of columns.
CREATE OR REPLACE FUNCTION event_diff(from_position bigint, to_position bigint)
RETURNS TABLE (table_name text, action text, pkey jsonb, fields jsonb, old jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT side.table_name,
           CASE WHEN NOT side.existed THEN 'insert' WHEN NOT side.remains THEN 'delete' ELSE 'update' END,
           side.pkey,
           CASE WHEN NOT side.existed THEN side.new WHEN NOT side.remains THEN side.old WHEN side.events = 1 THEN side.new ELSE changed.new END,
           CASE WHEN side.existed AND side.remains THEN CASE WHEN side.events = 1 THEN side.old ELSE changed.old END END
    FROM (
        SELECT net.table_name, net.pkey, net.events,
               CASE WHEN from_position > to_position THEN net.remains ELSE net.existed END AS existed,
               CASE WHEN from_position > to_position THEN net.existed ELSE net.remains END AS remains,
               CASE WHEN from_position > to_position THEN net.new ELSE net.old END AS old,
               CASE WHEN from_position > to_position THEN net.old ELSE net.new END AS new
        FROM public.event_net_effect(NULL, least(from_position, to_position), greatest(from_position, to_position)) AS net
        WHERE net.existed OR net.remains
    ) AS side
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(n.key, n.value) AS new, jsonb_object_agg(n.key, side.old -> n.key) AS old
        FROM jsonb_each(CASE WHEN side.existed AND side.remains AND side.events > 1 THEN side.new END) AS n
        WHERE n.value IS DISTINCT FROM side.old -> n.key
    ) AS changed
    WHERE side.existed <> side.remains OR side.events = 1 OR changed.new IS NOT NULL
$$;
COMMENT ON FUNCTION event_diff(bigint, bigint) IS 'Returns the differences between the states at two generation positions (see generation_position()), in the form of events.';
REVOKE ALL ON FUNCTION event_diff(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_diff(bigint, bigint) TO sqern_reader, sqern_writer;
