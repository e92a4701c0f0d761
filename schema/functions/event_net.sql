-- What a stretch of the history comes to, record by record: the one rule that as-of, diff and revert stand on.
--
-- The stretch is the generations whose place (generation_place()) lies after "after" and not after "upto". Their events are those
-- with such ids, but for generations that were open at one of the ends: one that ended in the stretch belongs to it with all its
-- events, also those before; one that ended later does not belong to it at all.
--
-- A record's events stand in the order of their ids, so before the stretch it was there unless the first of them is an insert, and
-- after it unless the last is a delete. Laying the old values over each other, the earliest on top, gives what it was; the new
-- ones, the latest on top, what it became. A delete holds the whole old record and an insert the whole new one, so both sides are
-- whole where the record went or came, and else hold the columns that were touched.
--
-- Sorting by a hash of the key spares most comparisons of jsonb. 64 MB let a hundred thousand events be sorted in memory. ROWS
-- makes a join hash this side, which is the smaller one wherever it is asked for.
CREATE OR REPLACE FUNCTION event_net(of_table text, after bigint, upto bigint)
RETURNS TABLE (table_name text, pkey jsonb, existed boolean, old jsonb, remains boolean, new jsonb, events bigint)
LANGUAGE plpgsql STABLE ROWS 100
SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    begun_before bigint[];
    ended_after bigint[];
BEGIN
    SELECT array_agg(generation) FILTER (WHERE first_id <= after AND last_id <= upto),
           array_agg(generation) FILTER (WHERE last_id > upto)
    INTO begun_before, ended_after
    FROM (SELECT DISTINCT generation FROM public.event WHERE id > after AND id <= upto) AS inside
    CROSS JOIN LATERAL (SELECT min(e.id) AS first_id, max(e.id) AS last_id
                        FROM public.event e WHERE e.generation = inside.generation) AS ends;
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
        WHERE (of_table IS NULL OR e.table_name = of_table)
          AND (e.id > after AND e.id <= upto AND (ended_after IS NULL OR e.generation <> ALL (ended_after))
               OR e.generation = ANY (begun_before) AND e.id <= after)
    ) AS ordered
    GROUP BY hash, ordered.pkey, ordered.table_name;
END
$$;
COMMENT ON FUNCTION event_net(text, bigint, bigint) IS 'The net effect, record by record, of the generations whose place lies after the first number and not after the second: in one table, or in all for null.';
REVOKE ALL ON FUNCTION event_net(text, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_net(text, bigint, bigint) TO sqern_reader, sqern_writer;
