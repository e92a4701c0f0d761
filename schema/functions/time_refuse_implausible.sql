-- after: privileges.sql
-- Refuses implausible times. A time in the future would be valid for any duration: a build without a lease claims its kernels for a day after
-- its start, and the newest check of a distribution decides whether a list is complete. Values far in the future exceed the range of
-- PostgreSQL or of clients when they are used in calculations. Clients can pass the time of their clock, which can differ from that of the
-- server.
--
-- The conditions of the triggers compare the times, so that the function is only called to raise the error.
CREATE OR REPLACE FUNCTION time_refuse_implausible() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
    value timestamptz;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        value := (to_jsonb(NEW) ->> name)::timestamptz;
        CONTINUE WHEN value IS NULL OR name = 'deleted_at' AND value = '-infinity';
        IF value > clock_timestamp() + interval '10 minutes' THEN
            RAISE check_violation USING
                MESSAGE = format('column %I of table %I cannot contain the future time %s', name, TG_TABLE_NAME, value),
                TABLE = TG_TABLE_NAME,
                COLUMN = name,
                HINT = format('Check the clock of the client. The time of the server is %s.', date_trunc('second', clock_timestamp()));
        ELSIF value < '2000-01-01 00:00:00+00' THEN
            RAISE check_violation USING
                MESSAGE = format('column %I of table %I cannot contain the time %s, which is before the year 2000', name, TG_TABLE_NAME, value),
                TABLE = TG_TABLE_NAME,
                COLUMN = name;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION time_refuse_implausible() IS 'Trigger function that refuses times before the year 2000, and times that are more than 10 minutes in the future.';
REVOKE ALL ON FUNCTION time_refuse_implausible() FROM PUBLIC;

-- Mirrors determine crawl.dated_at, and lease_refuse_distant() checks leases.
CREATE OR REPLACE FUNCTION time_columns() RETURNS TABLE (target regclass, name text, condition text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.attrelid::regclass, a.attname::text,
           format('(%s%%1$s.%2$I < ''2000-01-01 00:00:00+00'' OR %%1$s.%2$I > clock_timestamp() + interval ''10 minutes'')',
                  CASE WHEN a.attname = 'deleted_at' THEN '%1$s.deleted_at <> ''-infinity'' AND ' ELSE '' END, a.attname)
    FROM pg_attribute a
    WHERE a.atttypid = 'timestamptz'::regtype AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attrelid IN (SELECT p.target FROM public.privileges_expected() AS p WHERE p.privilege = 'INSERT')
      AND (a.attrelid, a.attname) NOT IN (VALUES ('public.crawl'::regclass, 'dated_at'::name), ('public.sp_build_lease', 'expires_at'),
                                                 ('public.sp_test_lease', 'expires_at'))
    ORDER BY a.attrelid::regclass::text, a.attnum
$$;
COMMENT ON FUNCTION time_columns() IS 'Returns the columns with times that writers can set. The condition is a format string for the alias of a row, and true for an implausible time. Internal function of time_refuse_implausible() and times_implausible().';
REVOKE ALL ON FUNCTION time_columns() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION time_columns() TO sqern_reader, sqern_writer;

CREATE OR REPLACE FUNCTION times_implausible() RETURNS TABLE (table_name text, pkey jsonb, column_name text, value timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tested record;
BEGIN
    FOR tested IN SELECT c.*, (SELECT relname FROM pg_class WHERE oid = c.target) AS table_name FROM public.time_columns() AS c LOOP
        RETURN QUERY EXECUTE format('SELECT %L, %s, %L, t.%I FROM %s AS t WHERE %s', tested.table_name,
                                    public.journal_object('t', public.journal_key(tested.target)), tested.name, tested.name, tested.target,
                                    format(tested.condition, 't'));
    END LOOP;
END
$$;
COMMENT ON FUNCTION times_implausible() IS 'Returns the times before the year 2000 and more than 10 minutes in the future, which time_refuse_implausible() refuses. An older version could have recorded them.';
REVOKE ALL ON FUNCTION times_implausible() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION times_implausible() TO sqern_reader, sqern_writer;

DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format('CREATE OR REPLACE TRIGGER time_refuse_implausible_trigger BEFORE INSERT OR UPDATE OF %s ON %s
                       FOR EACH ROW WHEN (%s) EXECUTE FUNCTION public.time_refuse_implausible(%s)',
                      string_agg(quote_ident(name), ', '), target, string_agg(format(condition, 'NEW'), ' OR '),
                      string_agg(quote_literal(name), ', '))
        FROM public.time_columns()
        GROUP BY target
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;
