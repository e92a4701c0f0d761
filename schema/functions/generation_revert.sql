-- Reverts a generation with a new one: deletes the inserted rows, inserts the deleted rows, and restores the old values of updated rows.
--
-- The revert is rejected if a later generation changed one of the rows, or if other rows reference an inserted row. Two rows that differ
-- only in id and deleted_at count as the same row here. The later generations must be reverted first. The tables are locked against
-- writers before this check, so that its result remains valid. Readers are not blocked.
--
-- Foreign keys and unique keys must be satisfied after each step. Rows of tables without references to them are deleted first and inserted
-- last. Rows of the other tables are inserted parents first, and deleted children first, after the updates that can change references.
--
-- The function lets a writer delete rows without the DELETE privilege. It deletes only rows that the generation inserted, and the journal
-- records the deletion. The caller must be able to insert and update rows of each table, because the function runs with the privileges of its
-- owner. The setting "role" is the role of SET ROLE, also in a function with SECURITY DEFINER.
CREATE OR REPLACE FUNCTION generation_revert(generation bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
DECLARE
    reverted constant bigint := generation_revert.generation;
    reverted_position constant bigint := public.generation_position(reverted);  -- raises an error if it does not exist
    reason text;
    own bigint;
    touched text[];  -- changed tables, parents first
    leaves text[];   -- those without references to them
    caller constant text := coalesce(nullif(current_setting('role'), 'none'), session_user);
    target text;
    planned bigint;
    done bigint := 0;
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE feature_not_supported USING
            MESSAGE = format('cannot revert a generation in a %s transaction', upper(current_setting('transaction_isolation'))),
            HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;
    IF reverted = public.generation_id_if_assigned() THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('cannot revert generation %s in the transaction that created it', reverted),
            HINT = 'Use ROLLBACK instead.';
    END IF;

    WITH RECURSIVE descent (oid, depth) AS (
        SELECT c.oid, 0 FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
        UNION ALL
        SELECT f.conrelid, descent.depth + 1
        FROM descent JOIN pg_constraint f ON f.contype = 'f' AND f.confrelid = descent.oid AND f.conrelid <> f.confrelid
    ), changed AS (
        SELECT c.relname::text AS name, max(descent.depth) AS depth,
               NOT EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid) AS is_leaf
        FROM descent JOIN pg_class c ON c.oid = descent.oid
        WHERE c.relname IN (SELECT e.table_name FROM public.event e WHERE e.generation = reverted)
        GROUP BY c.oid
    )
    SELECT array_agg(name ORDER BY depth, name), coalesce(array_agg(name) FILTER (WHERE is_leaf), '{}')
    INTO touched, leaves
    FROM changed;
    IF touched IS NULL THEN
        RETURN NULL;
    END IF;

    FOREACH target IN ARRAY touched LOOP
        IF NOT (has_any_column_privilege(caller, format('public.%I', target), 'INSERT')
                AND has_table_privilege(caller, format('public.%I', target), 'UPDATE')) THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('permission denied to revert generation %s: role "%s" cannot write to table %s', reverted, caller, target),
                HINT = 'Revert it as a member of sqern_crawler.';
        END IF;
    END LOOP;
    FOREACH target IN ARRAY touched LOOP
        EXECUTE format('LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', target);
    END LOOP;
    PERFORM public.generation_revert_refuse_later(reverted);

    own := public.generation_id();
    SELECT left('revert of ' || g.id || coalesce(': ' || g.comment, ''), 4096) INTO reason FROM public.generation g WHERE g.id = reverted;
    IF (SELECT g.comment IS NULL FROM public.generation g WHERE g.id = own) THEN
        PERFORM public.generation_start(reason);
    END IF;

    CREATE TEMPORARY TABLE generation_revert_plan ON COMMIT DROP AS
        SELECT * FROM public.event_diff(reverted_position - 1, reverted_position);
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
        FOR index IN REVERSE cardinality(touched)..1 LOOP
            CONTINUE WHEN touched[index] = ANY (leaves);
            done := done + public.generation_revert_delete(touched[index], reverted);
        END LOOP;
    EXCEPTION WHEN unique_violation OR foreign_key_violation THEN
        GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('cannot revert generation %s: later changes conflict with it: %s', reverted, SQLERRM),
            DETAIL = reason,
            HINT = format('Revert the later generations first. To list their changes: SELECT * FROM generation_diff(%s, (SELECT max(id) FROM generation))',
                          reverted);
    END;
    IF done <> planned THEN
        RAISE data_exception USING
            MESSAGE = format('cannot revert generation %s: %s of its %s rows do not match the journal', reverted, planned - done, planned),
            HINT = 'Check the journal: sqern db check';
    END IF;
    DROP TABLE pg_temp.generation_revert_plan;

    IF public.generation_drop_empty(own) THEN
        RETURN NULL;
    END IF;
    RETURN own;
END
$$;
COMMENT ON FUNCTION generation_revert(bigint) IS 'Reverts a generation with a new generation. Returns the ID of the new generation, or null if there is nothing to revert. Raises an error with the conflicting rows if later changes depend on the reverted generation.';
REVOKE ALL ON FUNCTION generation_revert(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION generation_revert(bigint) TO sqern_writer;
