-- Older versions require unique transaction IDs.
UPDATE generation SET xact = (id::text)::xid8 WHERE epoch <> (SELECT max(epoch) FROM generation);
ALTER TABLE generation DROP CONSTRAINT generation_xact_key;
ALTER TABLE generation ADD CONSTRAINT generation_xact_key UNIQUE (xact);
ALTER TABLE generation DROP COLUMN epoch;
ALTER TABLE generation RESET (autovacuum_vacuum_insert_scale_factor);
DROP TABLE generation_epoch;
DROP TABLE generation_commit;
DROP INDEX event_record_idx;
DROP INDEX event_id_tstamp_idx;
CREATE INDEX event_id_tstamp_idx ON event USING brin (id, tstamp);
ALTER TABLE event RESET (autovacuum_vacuum_insert_scale_factor, autovacuum_freeze_min_age);
