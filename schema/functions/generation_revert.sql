-- Undoes a generation by a new one: what it brought is deleted, what it deleted is back, what it changed has its old values.
--
-- It is refused when another generation came after it to any of its records (two rows that differ in nothing but id and deleted_at
-- are the same record), or when what it brought is referenced meanwhile: the later ones are to be reverted first. The tables are
-- locked against writers before that is looked at, so what was seen holds until the end; readers go on.
--
-- Rows that reference must not stand without what they reference at any moment, and unique keys are not to meet on the way. So:
-- rows of tables that nothing references are deleted first and inserted last; rows of the others are inserted parents first and
-- deleted children first, after the updates that may turn from the one to the other.
--
-- A writer may call it although he may not delete: it deletes only what the generation brought, and the journal keeps that.
CREATE OR REPLACE FUNCTION generation_revert(generation bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    reverted constant bigint := generation_revert.generation;
    place_reverted constant bigint := public.generation_place(reverted);  -- says so when it is not known
    reason text;
    own bigint;
    touched text[];  -- the tables, parents first
    leaves text[];   -- those of them that nothing references
    target text;
    planned bigint;
    done bigint := 0;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE feature_not_supported USING
            MESSAGE = format('expected a READ COMMITTED transaction to revert in, got %s', upper(current_setting('transaction_isolation'))),
            HINT = 'BEGIN ISOLATION LEVEL READ COMMITTED';
    END IF;
    IF reverted = public.generation_id_if_assigned() THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('expected a generation that is committed, got %s, which this transaction is making', reverted),
            HINT = 'ROLLBACK';
    END IF;

    WITH RECURSIVE descent (oid, depth) AS (
        SELECT c.oid, 0 FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        UNION ALL
        SELECT f.conrelid, descent.depth + 1
        FROM descent JOIN pg_constraint f ON f.contype = 'f' AND f.confrelid = descent.oid AND f.conrelid <> f.confrelid
    ), place AS (
        SELECT c.relname::text AS name, max(descent.depth) AS depth,
               NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid) AS is_leaf
        FROM descent JOIN pg_class c ON c.oid = descent.oid
        WHERE c.relname IN (SELECT e.table_name FROM public.event e WHERE e.generation = reverted)
        GROUP BY c.oid
    )
    SELECT array_agg(name ORDER BY depth, name), coalesce(array_agg(name) FILTER (WHERE is_leaf), '{}')
    INTO touched, leaves
    FROM place;
    IF touched IS NULL THEN
        RETURN NULL;
    END IF;

    FOREACH target IN ARRAY touched LOOP
        EXECUTE format('LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', target);
    END LOOP;
    PERFORM public.generation_revert_refuse_later(reverted);

    own := public.generation_id();
    SELECT 'revert of ' || g.id || coalesce(': ' || g.comment, '') INTO reason FROM public.generation g WHERE g.id = reverted;
    IF (SELECT g.comment IS NULL FROM public.generation g WHERE g.id = own) THEN
        PERFORM public.generation_start(reason);
    END IF;

    CREATE TEMPORARY TABLE generation_revert_plan ON COMMIT DROP AS
        SELECT * FROM public.event_diff(place_reverted - 1, place_reverted);
    GET DIAGNOSTICS planned = ROW_COUNT;
    BEGIN
        FOREACH target IN ARRAY touched LOOP
            CONTINUE WHEN target <> ALL (leaves);
            done := done + public.generation_revert_delete(target, reverted);
        END LOOP;
        FOREACH target IN ARRAY touched LOOP
            CONTINUE WHEN target = ANY (leaves);
            done := done + public.generation_revert_insert(target);
        END LOOP;
        FOREACH target IN ARRAY touched LOOP
            done := done + public.generation_revert_update(target);
        END LOOP;
        FOREACH target IN ARRAY touched LOOP
            CONTINUE WHEN target <> ALL (leaves);
            done := done + public.generation_revert_insert(target);
        END LOOP;
        FOR place IN REVERSE cardinality(touched)..1 LOOP
            CONTINUE WHEN touched[place] = ANY (leaves);
            done := done + public.generation_revert_delete(touched[place], reverted);
        END LOOP;
    EXCEPTION WHEN unique_violation OR foreign_key_violation THEN
        GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('expected nothing in the way of undoing generation %s, got a later state that does not go with it: %s',
                             reverted, SQLERRM),
            DETAIL = reason,
            HINT = format('SELECT * FROM generation_diff(%s, (SELECT max(id) FROM generation))  -- revert what came later first', reverted);
    END;
    IF done <> planned THEN
        RAISE data_exception USING
            MESSAGE = format('expected %s rows as generation %s left them, got %s', planned, reverted, done),
            HINT = 'sqern db check';
    END IF;
    DROP TABLE pg_temp.generation_revert_plan;

    IF public.generation_drop_empty(own) THEN
        RETURN NULL;
    END IF;
    RETURN own;
END
$$;
COMMENT ON FUNCTION generation_revert(bigint) IS 'Undoes a generation by a new one and returns the new one''s id, null when there was nothing to undo; an error that names them when later changes stand on it.';
REVOKE ALL ON FUNCTION generation_revert(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_revert(bigint) TO sqern_writer;
