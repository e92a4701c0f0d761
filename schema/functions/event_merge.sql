-- jsonb_concat is strict and there is no initial state, so a group of one value costs nothing, and nulls are passed over.
CREATE OR REPLACE AGGREGATE event_merge(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb);
COMMENT ON AGGREGATE event_merge(jsonb) IS 'Lays objects over each other in the order in which they come: of a key that several have, the last value stands.';
REVOKE ALL ON FUNCTION event_merge(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_merge(jsonb) TO sqern_reader, sqern_writer;
