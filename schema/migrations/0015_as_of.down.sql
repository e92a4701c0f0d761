DROP INDEX event_table_idx, event_version_idx, event_id_tstamp_idx;
CREATE INDEX event_id_tstamp_idx ON event USING brin (id, tstamp) WITH (autosummarize = on);
