-- TRUNCATE would empty a journaled table without events.
CREATE OR REPLACE FUNCTION journal_refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE feature_not_supported USING
        MESSAGE = format('cannot truncate table %I, because its changes are journaled', TG_TABLE_NAME),
        HINT = format('Use DELETE FROM %I instead.', TG_TABLE_NAME);
END
$$;
COMMENT ON FUNCTION journal_refuse_truncate() IS 'Trigger function that rejects TRUNCATE of a journaled table.';
REVOKE ALL ON FUNCTION journal_refuse_truncate() FROM PUBLIC;
