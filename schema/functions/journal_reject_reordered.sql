-- Statement triggers run at the end of a statement. The parts of a statement, such as a common table expression or a called function, can
-- change a row twice. The order of the events could then differ from the order of the changes.
CREATE OR REPLACE FUNCTION journal_reject_reordered(table_name text, pkey jsonb) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE triggered_data_change_violation USING
        MESSAGE = format('cannot change a row of table %s more than once in one statement', table_name),
        DETAIL = format('The key of the row is %s.', pkey),
        HINT = 'Use a separate statement for each change.';
END
$$;
COMMENT ON FUNCTION journal_reject_reordered(text, jsonb) IS 'Raises an error for a statement that changes a row more than once. Internal function of the journal triggers.';
REVOKE ALL ON FUNCTION journal_reject_reordered(text, jsonb) FROM PUBLIC;
