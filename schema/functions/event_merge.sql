-- jsonb_concat is strict and there is no initial state. A group of one value therefore costs nothing, and nulls are skipped.
CREATE OR REPLACE AGGREGATE event_merge(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, PARALLEL = SAFE);
COMMENT ON AGGREGATE event_merge(jsonb) IS 'Merges JSON objects in input order. If several objects contain a key, the last value is used.';
REVOKE ALL ON FUNCTION event_merge(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_merge(jsonb) TO sqern_reader, sqern_writer;
