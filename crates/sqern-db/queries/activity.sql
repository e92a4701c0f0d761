-- $1 generation, exclusive (0: all), $2 distros (empty: all)
-- Returns the steps that kernels reached after the generation, in the order of the history. A kernel is built or tested when its result is
-- recorded. The result of a run is the result of its kernels without a separate result.
SELECT reached.id AS generation, reached.tstamp, reached.username, reached.comment, reached.step AS what, reached.distro, reached.version
FROM (
    WITH later AS (
        SELECT g.id, g.tstamp, g.username, g.comment, c.position
        FROM generation AS g JOIN generation_commit AS c ON c.generation = g.id
        WHERE c.position > generation_position($1)
    ), change AS (
        SELECT e.generation, e.table_name, e.action, e.pkey, e.fields
        FROM event AS e
        WHERE e.generation IN (SELECT id FROM later) AND e.action <> 'delete'
          AND e.table_name IN ('kver', 'kver_seen', 'kver_fetched', 'sp_build', 'sp_build_kver', 'sp_test_result', 'sp_test_kver',
                               'sp_available_kver')
    ), reached AS (
        SELECT generation, pkey ->> 'distro' AS distro, pkey ->> 'version' AS version,
            CASE table_name
                WHEN 'kver' THEN 'known'
                WHEN 'kver_seen' THEN 'seen'
                WHEN 'kver_fetched' THEN 'fetched'
                WHEN 'sp_available_kver' THEN 'available'
            END AS step
        FROM change
        WHERE action = 'insert' AND table_name IN ('kver', 'kver_seen', 'kver_fetched', 'sp_available_kver')
        UNION
        SELECT generation, pkey ->> 'distro', pkey ->> 'version', 'withdrawn'
        FROM change
        WHERE action = 'update' AND table_name = 'sp_available_kver' AND fields ->> 'deleted_at' <> '-infinity'
        UNION
        SELECT generation, pkey ->> 'distro', pkey ->> 'version', CASE table_name WHEN 'sp_build_kver' THEN 'built' ELSE 'tested' END
        FROM change
        WHERE table_name IN ('sp_build_kver', 'sp_test_kver') AND (fields ->> 'success')::boolean
        UNION
        SELECT change.generation, k.distro, k.version, 'built'
        FROM change JOIN sp_build_kver AS k
            ON k.build_id = (change.pkey ->> 'id')::bigint AND k.result IS NULL AND k.deleted_at = '-infinity'
        WHERE change.table_name = 'sp_build' AND (change.fields ->> 'success')::boolean
        UNION
        SELECT change.generation, k.distro, k.version, 'tested'
        FROM change JOIN sp_test_kver AS k
            ON k.test_id = (change.pkey ->> 'test_id')::bigint AND k.result IS NULL AND k.deleted_at = '-infinity'
        WHERE change.table_name = 'sp_test_result' AND (change.fields ->> 'success')::boolean
    )
    SELECT later.id, later.tstamp, later.username, later.comment, later.position, reached.step, reached.distro, reached.version
    FROM later JOIN reached ON reached.generation = later.id
) AS reached
WHERE $2::text[] = '{}' OR reached.distro = ANY ($2)
ORDER BY reached.position, reached.id
