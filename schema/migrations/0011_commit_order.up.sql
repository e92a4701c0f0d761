-- breaking
-- Orders the history by the commits of its generations, and adds an index that finds the events of a record.
--
-- A deferred trigger of generation records the commit. The position of a generation is a number of the sequence of event IDs, so positions and
-- events can be compared. Older programs compute positions from events.
CREATE TABLE generation_commit (
    generation bigint NOT NULL,
    position bigint NOT NULL,
    committed_at timestamptz NOT NULL,
    first_event bigint,
    CONSTRAINT generation_commit_pkey PRIMARY KEY (generation)
);

-- The commit times of the existing generations are not known. Their order by their last events is consistent with their changes.
-- A generation without events has the position of the generation with events that has the next lower ID.
INSERT INTO generation_commit (generation, position, committed_at, first_event)
SELECT g.id, coalesce(e.last, (SELECT max(b.id) FROM event AS b WHERE b.generation = (SELECT max(c.generation) FROM event AS c WHERE c.generation < g.id)), 0),
    g.tstamp, e.first
FROM generation AS g
LEFT JOIN (SELECT generation, min(id) AS first, max(id) AS last FROM event GROUP BY generation) AS e ON e.generation = g.id;

CREATE INDEX generation_commit_position_idx ON generation_commit (position) INCLUDE (first_event, generation);
CREATE INDEX generation_commit_committed_at_idx ON generation_commit (committed_at, position);
GRANT SELECT ON generation_commit TO sqern_reader, sqern_writer;

-- Transaction IDs are comparable only within one server. After a restore into another server, its transactions can get the IDs of restored
-- generations. The epoch of a generation identifies the server. If the existing generations are from another server, it is not known.
CREATE TABLE generation_epoch (
    id integer GENERATED ALWAYS AS IDENTITY,
    system_identifier bigint,
    started_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT generation_epoch_pkey PRIMARY KEY (id),
    CONSTRAINT generation_epoch_system_identifier_key UNIQUE (system_identifier)
);
INSERT INTO generation_epoch (system_identifier)
SELECT CASE WHEN max(xact::text::numeric) < pg_snapshot_xmax(pg_current_snapshot())::text::numeric THEN (SELECT system_identifier FROM pg_control_system()) END
FROM generation
HAVING count(*) > 0;
GRANT SELECT ON generation_epoch TO sqern_reader, sqern_writer;

ALTER TABLE generation ADD COLUMN epoch integer NOT NULL DEFAULT 1;
ALTER TABLE generation ALTER COLUMN epoch DROP DEFAULT;
ALTER TABLE generation DROP CONSTRAINT generation_xact_key;
ALTER TABLE generation ADD CONSTRAINT generation_xact_key UNIQUE (xact, epoch);
ALTER TABLE generation SET (autovacuum_vacuum_insert_scale_factor = 0.02);

-- A BRIN index with bloom filters finds the few parts of the table that can contain a record. It is much smaller than a btree. With
-- autosummarize, autovacuum adds each part after it is filled, so that queries do not read all newer events.
DROP INDEX event_id_tstamp_idx;
CREATE INDEX event_id_tstamp_idx ON event USING brin (id, tstamp) WITH (autosummarize = on);
CREATE INDEX event_record_idx ON event
    USING brin (jsonb_hash_extended(pkey, 0) int8_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.005))
    WITH (pages_per_range = 32, autosummarize = on);

-- Rows of these tables never change, so they can be frozen by the first vacuum. The default would wait for a fifth of the table.
ALTER TABLE event SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 0);
ALTER TABLE generation_commit SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 0);

DROP FUNCTION IF EXISTS generation_revert_match(text);
DROP FUNCTION IF EXISTS journal_reject_reordered(text, jsonb);
