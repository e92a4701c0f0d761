-- Older versions require unique transaction IDs. Of generations with the same ID, those of earlier servers get unused ones.
UPDATE generation AS g
SET xact = unused.xact
FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS number
    FROM generation AS earlier
    WHERE EXISTS (SELECT FROM generation AS later WHERE later.xact = earlier.xact AND later.epoch > earlier.epoch)
) AS repeated
JOIN (
    SELECT n::text::xid8 AS xact, row_number() OVER (ORDER BY n) AS number
    FROM generate_series(1, 2 * (SELECT count(*) FROM generation)) AS n
    WHERE NOT EXISTS (SELECT FROM generation WHERE generation.xact = n::text::xid8)
) AS unused USING (number)
WHERE g.id = repeated.id;
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
