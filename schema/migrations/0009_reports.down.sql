DROP INDEX event_kver_idx;
ALTER TABLE sp_available_kver DROP COLUMN tstamp;
