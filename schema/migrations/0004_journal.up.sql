-- One btree over the events in place of two: (generation, id) finds a change set's events in their order, its first and its last.
-- The key on id alone and the index on generation together cost a fifth more WAL and time for each event. What is asked by id or
-- by time alone reads a contiguous stretch of the table, for which a BRIN is enough.
ALTER TABLE event DROP CONSTRAINT event_pkey;
DROP INDEX event_generation_idx;
DROP INDEX event_tstamp_idx;
ALTER TABLE event ADD CONSTRAINT event_pkey PRIMARY KEY (generation, id);
CREATE INDEX event_id_tstamp_idx ON event USING brin (id, tstamp);
COMMENT ON COLUMN event.id IS 'Identifies the event: unique, for it comes from one sequence and nobody can choose it. Two events of one record stand in the order of their ids, whichever generations they belong to.';

-- The packages of a kernel are what an index said of it: they go with it, where a generation that brought it is reverted.
ALTER TABLE kver_package DROP CONSTRAINT kver_package_kver_fkey;
ALTER TABLE kver_package ADD CONSTRAINT kver_package_kver_fkey
    FOREIGN KEY (distro, version) REFERENCES kver (distro, version) ON UPDATE CASCADE ON DELETE CASCADE;

-- Who could make a function here could have it called in place of ours, with our rights. Databases that come from PostgreSQL 14
-- still let everybody.
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SET LOCAL ROLE sqern_admin;
