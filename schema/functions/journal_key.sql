-- Returns the key of a row in the journal: the columns of the primary key, and of the unique key that contains deleted_at or is named
-- <table>_key, without deleted_at. A row that is marked as deleted therefore keeps its key.
CREATE OR REPLACE FUNCTION journal_key(target regclass) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key_columns text[];
BEGIN
    SELECT array_agg(a.attname::text ORDER BY a.attnum) INTO key_columns
    FROM pg_attribute a
    WHERE a.attrelid = target AND a.attname <> 'deleted_at' AND EXISTS (
        SELECT FROM pg_constraint c
        WHERE c.conrelid = target AND a.attnum = ANY (c.conkey)
          AND (c.contype = 'p' OR c.contype = 'u' AND (
              c.conname = (SELECT relname FROM pg_class WHERE oid = target) || '_key'
              OR EXISTS (SELECT FROM pg_attribute d
                         WHERE d.attrelid = target AND d.attnum = ANY (c.conkey) AND d.attname = 'deleted_at'))));
    IF key_columns IS NULL THEN
        RAISE invalid_table_definition USING MESSAGE = format('table %s has no primary key', target);
    END IF;
    RETURN key_columns;
END
$$;
COMMENT ON FUNCTION journal_key(regclass) IS 'Returns the columns of event.pkey for a table, in the order of the table.';
REVOKE ALL ON FUNCTION journal_key(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_key(regclass) TO sqern_reader, sqern_writer;
