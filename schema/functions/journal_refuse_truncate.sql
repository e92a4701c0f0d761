-- TRUNCATE would empty a journalled table without an event.
CREATE OR REPLACE FUNCTION journal_refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE feature_not_supported USING
        MESSAGE = format('expected DELETE, got TRUNCATE: the changes of table %I are journalled', TG_TABLE_NAME),
        HINT = format('DELETE FROM %I', TG_TABLE_NAME);
END
$$;
COMMENT ON FUNCTION journal_refuse_truncate() IS 'Refuses TRUNCATE of a journalled table.';
REVOKE ALL ON FUNCTION journal_refuse_truncate() FROM PUBLIC;
