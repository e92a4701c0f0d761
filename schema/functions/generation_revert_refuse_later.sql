-- Only generation_revert() calls this function, with its tables locked.
--
-- The planner expects one event for a generation that is newer than the statistics. It would then plan a nested loop, which is too slow for
-- a generation of 10,000 events.
CREATE OR REPLACE FUNCTION generation_revert_refuse_later(reverted bigint) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off
AS $$
DECLARE
    later record;
BEGIN
    SELECT count(*) AS records, max(found.generation) AS newest,
           string_agg(format('%s %s: generation %s', found.table_name, found.pkey, found.generation), E'\n  ' ORDER BY found.number)
               FILTER (WHERE found.number <= 10) AS text
    INTO later
    FROM (
        SELECT e.table_name, e.pkey, max(e.generation) AS generation, row_number() OVER (ORDER BY e.table_name, e.pkey) AS number
        FROM public.event e
        JOIN (
            SELECT o.table_name, CASE WHEN o.pkey - 'id' = '{}' THEN o.pkey ELSE o.pkey - 'id' END AS record, min(o.id) AS first_id
            FROM public.event o
            WHERE o.generation = reverted
            GROUP BY 1, 2
        ) AS own ON own.table_name = e.table_name AND own.record = CASE WHEN e.pkey - 'id' = '{}' THEN e.pkey ELSE e.pkey - 'id' END
        WHERE e.generation <> reverted AND e.id > own.first_id
          AND e.id > (SELECT min(o.id) FROM public.event o WHERE o.generation = reverted)
        GROUP BY e.table_name, e.pkey
    ) AS found;
    IF later.records > 0 THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('cannot revert generation %s: later generations changed %s of its rows', reverted, later.records),
            DETAIL = later.text || CASE WHEN later.records > 10 THEN format(E'\n  and %s more', later.records - 10) ELSE '' END,
            HINT = CASE WHEN later.newest = public.generation_id_if_assigned() THEN 'Use ROLLBACK instead: the current transaction made a later change.'
                   ELSE format('Revert generation %s first: sqern generation revert %s', later.newest, later.newest) END;
    END IF;
END
$$;
COMMENT ON FUNCTION generation_revert_refuse_later(bigint) IS 'Raises an error if later generations changed rows that the reverted generation changed. Internal function of generation_revert().';
REVOKE ALL ON FUNCTION generation_revert_refuse_later(bigint) FROM PUBLIC;
