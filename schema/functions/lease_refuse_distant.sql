-- A lease that never expires would hold its kernels forever. The program renews leases long before they expire.
CREATE OR REPLACE FUNCTION lease_refuse_distant() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.expires_at > clock_timestamp() + interval '30 days' THEN
        RAISE check_violation USING
            MESSAGE = format('lease expires at %s, more than 30 days from now', NEW.expires_at),
            TABLE = TG_TABLE_NAME,
            COLUMN = 'expires_at',
            HINT = 'Renew the lease instead: UPDATE … SET expires_at = now() + lease';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION lease_refuse_distant() IS 'Trigger function that refuses leases that expire in more than 30 days.';
REVOKE ALL ON FUNCTION lease_refuse_distant() FROM PUBLIC;

CREATE OR REPLACE TRIGGER lease_refuse_distant_trigger BEFORE INSERT OR UPDATE OF expires_at ON sp_build_lease
    FOR EACH ROW EXECUTE FUNCTION lease_refuse_distant();
CREATE OR REPLACE TRIGGER lease_refuse_distant_trigger BEFORE INSERT OR UPDATE OF expires_at ON sp_test_lease
    FOR EACH ROW EXECUTE FUNCTION lease_refuse_distant();
