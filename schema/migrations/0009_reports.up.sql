-- Reports tell how long kernels take from one stage to the next, and since when what is missing is missing. For that, what is available
-- needs a time of its own, as what was seen and fetched has; and the journal's word on when a kernel became known must be found
-- without reading the journal.
ALTER TABLE sp_available_kver ADD COLUMN tstamp timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN sp_available_kver.tstamp IS 'When it became available.';

-- The journal knows that time of what is there already. Its triggers do not know the column yet, so this is no change to them; and
-- what is recorded of such a row is told with it from now on, for a state of the past must have the columns of the present.
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
