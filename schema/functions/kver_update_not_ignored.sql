-- Maintains kver_ignored, and thereby the view kver_not_ignored, after every change of kver and kver_ignore.
--
-- A new version and a concurrent new pattern must both take effect. A transaction that adds a version locks the row of the distribution FOR
-- KEY SHARE (by the foreign key, or here for a changed key). A transaction that changes a pattern locks it FOR UPDATE. One transaction
-- waits for the other and then reads its committed rows. This requires a new snapshot for each statement, which only READ COMMITTED has.
-- The other levels are rejected, because they would produce wrong results without an error.
CREATE OR REPLACE FUNCTION kver_update_not_ignored() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE feature_not_supported USING
            MESSAGE = format('cannot change table %I in a %s transaction',
                             TG_TABLE_NAME, upper(current_setting('transaction_isolation'))),
            HINT = 'Start the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
    END IF;

    IF TG_TABLE_NAME = 'kver' AND TG_OP = 'INSERT' THEN
        INSERT INTO public.kver_ignored (distro, version)
        SELECT n.distro, n.version
        FROM new_rows n JOIN public.kver_ignore i ON i.distro = n.distro AND i.deleted_at = '-infinity' AND n.version LIKE i.pattern
        ON CONFLICT DO NOTHING;

    ELSIF TG_TABLE_NAME = 'kver' AND TG_OP = 'DELETE' THEN
        DELETE FROM public.kver_ignored USING old_rows o
        WHERE kver_ignored.distro = o.distro AND kver_ignored.version = o.version;

    ELSIF TG_TABLE_NAME = 'kver' THEN
        IF EXISTS (SELECT distro, version FROM new_rows EXCEPT SELECT distro, version FROM old_rows) THEN
            PERFORM FROM public.distro
            WHERE distro.name IN (SELECT n.distro FROM new_rows n) ORDER BY distro.name FOR KEY SHARE;
            DELETE FROM public.kver_ignored USING old_rows o
            WHERE kver_ignored.distro = o.distro AND kver_ignored.version = o.version;
            INSERT INTO public.kver_ignored (distro, version)
            SELECT n.distro, n.version
            FROM new_rows n JOIN public.kver_ignore i ON i.distro = n.distro AND i.deleted_at = '-infinity' AND n.version LIKE i.pattern
            ON CONFLICT DO NOTHING;
        END IF;

    ELSIF TG_OP = 'INSERT' THEN
        PERFORM FROM public.distro WHERE distro.name IN (SELECT n.distro FROM new_rows n) ORDER BY distro.name FOR UPDATE;
        INSERT INTO public.kver_ignored (distro, version)
        SELECT kver.distro, kver.version
        FROM new_rows n JOIN public.kver ON kver.distro = n.distro AND kver.version LIKE n.pattern
        WHERE n.deleted_at = '-infinity'
        ON CONFLICT DO NOTHING;

    ELSIF TG_OP = 'DELETE' THEN
        PERFORM FROM public.distro WHERE distro.name IN (SELECT o.distro FROM old_rows o) ORDER BY distro.name FOR UPDATE;
        DELETE FROM public.kver_ignored USING old_rows o
        WHERE kver_ignored.distro = o.distro AND kver_ignored.version LIKE o.pattern AND o.deleted_at = '-infinity'
          AND NOT EXISTS (SELECT FROM public.kver_ignore i
                          WHERE i.distro = kver_ignored.distro AND i.deleted_at = '-infinity'
                            AND kver_ignored.version LIKE i.pattern);

    ELSE
        PERFORM FROM public.distro
        WHERE distro.name IN (SELECT o.distro FROM old_rows o UNION SELECT n.distro FROM new_rows n)
        ORDER BY distro.name FOR UPDATE;
        DELETE FROM public.kver_ignored USING old_rows o
        WHERE kver_ignored.distro = o.distro AND kver_ignored.version LIKE o.pattern AND o.deleted_at = '-infinity'
          AND NOT EXISTS (SELECT FROM public.kver_ignore i
                          WHERE i.distro = kver_ignored.distro AND i.deleted_at = '-infinity'
                            AND kver_ignored.version LIKE i.pattern);
        INSERT INTO public.kver_ignored (distro, version)
        SELECT kver.distro, kver.version
        FROM new_rows n JOIN public.kver ON kver.distro = n.distro AND kver.version LIKE n.pattern
        WHERE n.deleted_at = '-infinity'
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION kver_update_not_ignored() IS 'Trigger function that maintains kver_ignored after changes of kver and kver_ignore.';
REVOKE ALL ON FUNCTION kver_update_not_ignored() FROM PUBLIC;

CREATE OR REPLACE TRIGGER kver_update_not_ignored_kver AFTER INSERT ON kver
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION kver_update_not_ignored();
CREATE OR REPLACE TRIGGER kver_update_not_ignored_kver_update AFTER UPDATE ON kver
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION kver_update_not_ignored();
CREATE OR REPLACE TRIGGER kver_update_not_ignored_kver_delete AFTER DELETE ON kver
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION kver_update_not_ignored();
CREATE OR REPLACE TRIGGER kver_update_not_ignored_kver_ignore AFTER INSERT ON kver_ignore
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION kver_update_not_ignored();
CREATE OR REPLACE TRIGGER kver_update_not_ignored_kver_ignore_update AFTER UPDATE ON kver_ignore
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION kver_update_not_ignored();
CREATE OR REPLACE TRIGGER kver_update_not_ignored_kver_ignore_delete AFTER DELETE ON kver_ignore
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION kver_update_not_ignored();
