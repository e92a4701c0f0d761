-- checksum: 7007426f4eecebc5ff8ecc46536f93176f3248ffb1e8efdc44b3ecab68212726
-- Reports show the time between stages and the age of a missing stage. They need the time at which a module became available, and an
-- index that finds the event of each new kernel without a scan of the journal.
ALTER TABLE sp_available_kver ADD COLUMN tstamp timestamptz NOT NULL DEFAULT now();

-- The journal contains the time of the existing rows. Its triggers do not have the new column yet, so this update creates no events. The
-- recorded events also get the column, because a past state must have the columns of the current table.
UPDATE sp_available_kver AS a
SET tstamp = e.tstamp
FROM event AS e
WHERE e.table_name = 'sp_available_kver' AND e.action = 'insert' AND (e.pkey ->> 'id')::bigint = a.id;
SET LOCAL TimeZone = 'UTC';
UPDATE event AS e
SET fields = e.fields || jsonb_build_object('tstamp', i.tstamp)
FROM (
    SELECT (pkey ->> 'id')::bigint AS id, min(tstamp) AS tstamp
    FROM event
    WHERE table_name = 'sp_available_kver' AND action = 'insert'
    GROUP BY 1
) AS i
WHERE e.table_name = 'sp_available_kver' AND e.action IN ('insert', 'delete') AND (e.pkey ->> 'id')::bigint = i.id;

CREATE INDEX event_kver_idx ON event (id) WHERE table_name = 'kver' AND action = 'insert';
