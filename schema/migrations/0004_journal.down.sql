DROP INDEX event_id_tstamp_idx;
ALTER TABLE event DROP CONSTRAINT event_pkey;
ALTER TABLE event ADD CONSTRAINT event_pkey PRIMARY KEY (id);
CREATE INDEX event_generation_idx ON event (generation);
CREATE INDEX event_tstamp_idx ON event USING brin (tstamp);

ALTER TABLE kver_package DROP CONSTRAINT kver_package_kver_fkey;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_kver_fkey
    FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE;
