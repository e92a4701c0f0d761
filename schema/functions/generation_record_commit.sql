-- Completes a generation at the commit of its transaction.
--
-- A commit that waits for a row or key of another transaction happens after the commit of that transaction. The order of the positions is
-- therefore consistent with the changes, and with the times of the commits. The position is taken from the sequence of the event IDs, so it is
-- higher than the IDs of the events of this generation and of all earlier ones.
--
-- The events of one trigger call have the same command ID (cmin). If all events of the generation have the same, no statement ran within
-- another one. For tables of one page, the planner would prefer scans, and reuse these plans after the tables have grown.
--
-- After SET CONSTRAINTS … IMMEDIATE, the trigger runs at the end of the statement that inserts the generation. If a trigger of the journal
-- inserts it, its events follow, and would have higher IDs than the position.
CREATE OR REPLACE FUNCTION generation_record_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off
AS $$
DECLARE
    first record;
    last record;
    newest bigint;
    own_position bigint;
BEGIN
    SELECT e.id, e.cmin AS command INTO first FROM public.event e WHERE e.generation = NEW.id ORDER BY e.id LIMIT 1;
    IF first.id IS NULL AND NOT EXISTS (SELECT FROM public.generation g WHERE g.id = NEW.id) THEN
        RETURN NULL;  -- removed by generation_drop_empty()
    END IF;
    IF first.id IS NULL AND pg_trigger_depth() > 1 THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('cannot complete generation %s before its changes', NEW.id),
            DETAIL = 'SET CONSTRAINTS … IMMEDIATE completes the generation of a transaction before the commit.',
            HINT = 'Use SET CONSTRAINTS generation_commit_trigger DEFERRED before the first change.';
    END IF;
    SELECT e.cmin AS command INTO last FROM public.event e WHERE e.generation = NEW.id ORDER BY e.id DESC LIMIT 1;
    IF first.command IS DISTINCT FROM last.command THEN
        PERFORM public.journal_check_order(NEW.id);
    END IF;
    SELECT max(c.position) INTO newest FROM public.generation_commit c;
    own_position := nextval('public.event_id_seq');
    IF own_position <= newest THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('event IDs are behind: the next ID is %s, but the journal contains %s', own_position, newest),
            DETAIL = 'Logical replication and partial restores copy rows, but not sequences.',
            HINT = 'Advance the sequences: sqern db migrate';
    END IF;
    INSERT INTO public.generation_commit (generation, position, committed_at, first_event)
    VALUES (NEW.id, own_position, clock_timestamp(), first.id);
    PERFORM public.generation_notify(NEW.id);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION generation_record_commit() IS 'Trigger function that completes a generation at the commit of its transaction: checks the order of its events, assigns its position in the history and wakes followers.';
REVOKE ALL ON FUNCTION generation_record_commit() FROM PUBLIC;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'generation'::regclass AND tgname = 'generation_commit_trigger') THEN
        CREATE CONSTRAINT TRIGGER generation_commit_trigger AFTER INSERT ON generation
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION generation_record_commit();
    END IF;
END
$$;
