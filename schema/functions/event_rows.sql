-- Returns the part of the journal that <table>_at() requires. It is event_net_effect() for a range that ends at one end of the history. Only
-- one side is needed, which halves the cost.
--
-- For a recent generation the range is all later events in descending order, and the images contain the state before them. For an older one
-- the range is all events up to it in ascending order, and the images contain the state after them. A generation that straddles the position
-- (generation_straddling()) belongs to the later side. The rows of the baseline (journal_begin()) exist before all events. The last event in
-- this order decides whether the row existed.
--
-- The rows of a table with an id are sorted by this number, and only the events that create a state carry the key. Sorting by the key itself
-- takes twice as long. A change of the key is recorded as a delete and an insert with different keys and the same id, in any order. The row
-- therefore existed if the last event removes it, but the same generation also creates it with a different key.
--
-- For a version, OFFSET 0 makes the planner use the index of the versions. It cannot estimate how much of a BRIN index a scan returns.
--
-- Of tables without an id, sorting by a hash of the key avoids most comparisons of jsonb.
CREATE OR REPLACE FUNCTION event_rows(of_table text, generation bigint, has_id boolean, of_version text DEFAULT NULL)
RETURNS TABLE (id bigint, pkey jsonb, present boolean, image jsonb)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    end_position constant bigint := public.generation_position(event_rows.generation);
    straddling constant bigint[] := public.generation_straddling(end_position);
    is_recent constant boolean := public.generation_is_recent(event_rows.generation);
    -- Only for the index. The condition of the queries for the position is exact.
    lower_id constant bigint := CASE
        WHEN NOT is_recent THEN 0
        WHEN straddling = '{}' THEN end_position
        ELSE (SELECT CASE WHEN count(*) = cardinality(straddling) THEN min(c.first_event) - 1 ELSE 0 END
              FROM public.generation_commit c WHERE c.generation = ANY (straddling))
    END;
    upper_id constant bigint := CASE WHEN is_recent THEN 9223372036854775807 ELSE end_position END;
    direction constant integer := CASE WHEN is_recent THEN -1 ELSE 1 END;
    creating constant text := CASE WHEN is_recent THEN 'delete' ELSE 'insert' END;
    removing constant text := CASE WHEN is_recent THEN 'insert' ELSE 'delete' END;
BEGIN
    IF has_id THEN
        RETURN QUERY
        SELECT record.id, record.pkey,
               record.last IS DISTINCT FROM record.last_removing
               OR record.creating IS NOT NULL AND record.removing[cardinality(record.removing)] = record.creating[cardinality(record.creating)]
               AND (SELECT r.pkey <> c.pkey
                    FROM public.event r, public.event c
                    WHERE r.generation = record.removing[cardinality(record.removing)] AND r.id = abs(record.last_removing)
                      AND c.generation = record.creating[cardinality(record.creating)] AND c.id = abs(record.last_creating)),
               record.image
        FROM (
            SELECT step.id, max(step.number) AS last,
                   max(step.number) FILTER (WHERE step.action = removing) AS last_removing,
                   max(step.number) FILTER (WHERE step.action = creating) AS last_creating,
                   array_agg(step.generation) FILTER (WHERE step.action = removing) AS removing,
                   array_agg(step.generation) FILTER (WHERE step.action = creating) AS creating,
                   public.event_merge(step.pkey) AS pkey, public.event_merge(step.image) AS image
            FROM (
                SELECT (e.pkey ->> 'id')::bigint AS id, direction * e.id AS number, e.action, e.generation,
                       CASE e.action WHEN creating THEN e.pkey END AS pkey,
                       CASE e.action WHEN creating THEN e.fields WHEN 'update' THEN CASE WHEN is_recent THEN e.old ELSE e.fields END END AS image
                FROM (
                    SELECT id, generation, action, pkey, fields, old
                    FROM public.event
                    WHERE of_version IS NULL AND table_name = of_table AND id > lower_id AND id <= upper_id
                    UNION ALL
                    SELECT id, generation, action, pkey, fields, old
                    FROM (SELECT * FROM public.event WHERE pkey ->> 'version' = of_version OFFSET 0) v
                    WHERE table_name = of_table
                    UNION ALL
                    SELECT 0, 0, 'insert', pkey, fields, NULL
                    FROM public.journal_baseline
                    WHERE NOT is_recent AND table_name = of_table AND (of_version IS NULL OR pkey ->> 'version' = of_version)
                ) AS e
                WHERE (e.id > end_position OR e.generation = ANY (straddling)) = is_recent
                ORDER BY (e.pkey ->> 'id')::bigint, direction * e.id
            ) AS step
            GROUP BY step.id
        ) AS record;
    ELSE
        RETURN QUERY
        SELECT NULL::bigint, step.pkey,
               max(step.number) FILTER (WHERE step.action = removing) IS DISTINCT FROM max(step.number),
               public.event_merge(step.image)
        FROM (
            SELECT jsonb_hash_extended(e.pkey, 0) AS hash, e.pkey, direction * e.id AS number, e.action,
                   CASE e.action WHEN creating THEN e.fields WHEN 'update' THEN CASE WHEN is_recent THEN e.old ELSE e.fields END END AS image
            FROM (
                SELECT id, generation, action, pkey, fields, old
                FROM public.event
                WHERE of_version IS NULL AND table_name = of_table AND id > lower_id AND id <= upper_id
                UNION ALL
                SELECT id, generation, action, pkey, fields, old
                FROM (SELECT * FROM public.event WHERE pkey ->> 'version' = of_version OFFSET 0) v
                WHERE table_name = of_table
                UNION ALL
                SELECT 0, 0, 'insert', pkey, fields, NULL
                FROM public.journal_baseline
                WHERE NOT is_recent AND table_name = of_table AND (of_version IS NULL OR pkey ->> 'version' = of_version)
            ) AS e
            WHERE (e.id > end_position OR e.generation = ANY (straddling)) = is_recent
            ORDER BY jsonb_hash_extended(e.pkey, 0), e.pkey, direction * e.id
        ) AS step
        GROUP BY step.hash, step.pkey;
    END IF;
END
$$;
COMMENT ON FUNCTION event_rows(text, bigint, boolean, text) IS 'Returns the past states of the rows of a table, of rows with a version if it is not null. The column present indicates whether the row existed as of the generation. The column image contains the columns of the row without the key. For a recent generation (see generation_is_recent()), image omits columns without later changes, and rows without later changes are omitted. Of a table with an id, pkey is null if the key did not change.';
REVOKE ALL ON FUNCTION event_rows(text, bigint, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_rows(text, bigint, boolean, text) TO sqern_reader, sqern_writer;

-- The planner assumes that a BRIN index reads the whole table if its values are not in the order of the rows. A bloom filter excludes
-- nearly all of it.
CREATE OR REPLACE FUNCTION event_rows_of_version(of_table text, generation bigint, has_id boolean, of_version text)
RETURNS TABLE (id bigint, pkey jsonb, present boolean, image jsonb)
LANGUAGE sql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
    SELECT * FROM public.event_rows(of_table, generation, has_id, of_version)
$$;
COMMENT ON FUNCTION event_rows_of_version(text, bigint, boolean, text) IS 'Returns event_rows() for the rows with a kernel version. An index finds their events.';
REVOKE ALL ON FUNCTION event_rows_of_version(text, bigint, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_rows_of_version(text, bigint, boolean, text) TO sqern_reader, sqern_writer;
