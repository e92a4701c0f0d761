-- What identifies a record in the journal: the primary key, together with the unique key that deleted_at is part of, without
-- deleted_at. So a record that is marked as deleted stays the same record.
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
          AND (c.contype = 'p' OR c.contype = 'u' AND EXISTS (
              SELECT FROM pg_attribute d
              WHERE d.attrelid = target AND d.attnum = ANY (c.conkey) AND d.attname = 'deleted_at')));
    IF key_columns IS NULL THEN
        RAISE invalid_table_definition USING MESSAGE = format('expected table %s to have a primary key, got none', target);
    END IF;
    RETURN key_columns;
END
$$;
COMMENT ON FUNCTION journal_key(regclass) IS 'The columns that make up event.pkey of a table''s records, in the table''s order.';
REVOKE ALL ON FUNCTION journal_key(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_key(regclass) TO sqern_reader, sqern_writer;
