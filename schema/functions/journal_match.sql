CREATE OR REPLACE FUNCTION journal_match(target regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(format('t.%1$I = (p.pkey ->> %1$L)::%2$s', a.attname, format_type(a.atttypid, a.atttypmod)), ' AND ')
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
    WHERE c.conrelid = target AND c.contype = 'p'
$$;
COMMENT ON FUNCTION journal_match(regclass) IS 'Returns the condition that joins row t of a table with row p, whose column pkey contains the key of a record. Internal function of the journal.';
REVOKE ALL ON FUNCTION journal_match(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION journal_match(regclass) TO sqern_reader, sqern_writer;
