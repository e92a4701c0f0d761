-- Triggers of a statement run at its end, in an order of their own. Where the parts of one statement (a common table expression, a
-- function that it calls, MERGE) change one record twice, the order of the events could be another than that of the changes.
CREATE OR REPLACE FUNCTION journal_refuse_twice(table_name text, pkey jsonb) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE triggered_data_change_violation USING
        MESSAGE = format('expected a statement to change a record once, got %s %s changed more than once by one', table_name, pkey),
        HINT = 'Change it by statements of their own, one after the other.';
END
$$;
COMMENT ON FUNCTION journal_refuse_twice(text, jsonb) IS 'Refuses a statement after which a row is not as its trigger is to journal it.';
REVOKE ALL ON FUNCTION journal_refuse_twice(text, jsonb) FROM PUBLIC;
