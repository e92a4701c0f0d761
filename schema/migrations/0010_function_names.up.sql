-- breaking
-- Drops functions that are renamed, and event_diff(), whose parameters are renamed. CREATE OR REPLACE FUNCTION cannot rename a parameter.
-- The function files create the functions with the new names. Older programs call the old names.
DROP FUNCTION IF EXISTS generation_place(bigint);
DROP FUNCTION IF EXISTS event_net(text, bigint, bigint);
DROP FUNCTION IF EXISTS event_diff(bigint, bigint);
DROP FUNCTION IF EXISTS journal_refuse_twice(text, jsonb);
