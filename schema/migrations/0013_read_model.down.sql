DROP INDEX event_kver_added_idx;
CREATE INDEX event_kver_idx ON event (id) WHERE table_name = 'kver' AND action = 'insert';
DROP TABLE kver_state, kver_state_count, host_state, host_state_count, kver_state_position;
