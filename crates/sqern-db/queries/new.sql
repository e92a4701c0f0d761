-- $1 generation: only what came after it counts; 0 is before the first. $2 distros (all when empty).
-- What came, generation by generation in the order of the history, as the journal tells. What was built and tested came with a
-- result, of the kernel or of the whole run: that one stands for its kernels without a result of their own.
SELECT came.id AS generation, came.tstamp, came.username, came.comment, came.what, came.distro, came.version
FROM (
    WITH later AS (
        SELECT g.id, g.tstamp, g.username, g.comment, generation_place(g.id) AS place
        FROM generation AS g
        WHERE generation_place(g.id) > generation_place($1)
    ), change AS (
        SELECT e.generation, e.table_name, e.action, e.pkey, e.fields
        FROM event AS e
        WHERE e.generation IN (SELECT id FROM later) AND e.action <> 'delete'
          AND e.table_name IN ('kver', 'kver_seen', 'kver_fetched', 'sp_build', 'sp_build_kver', 'sp_test_result', 'sp_test_kver',
                               'sp_available_kver')
    ), came AS (
        SELECT generation, pkey ->> 'distro' AS distro, pkey ->> 'version' AS version,
            CASE table_name
                WHEN 'kver' THEN 'known'
                WHEN 'kver_seen' THEN 'seen'
                WHEN 'kver_fetched' THEN 'fetched'
                WHEN 'sp_available_kver' THEN 'available'
            END AS what
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
    SELECT later.id, later.tstamp, later.username, later.comment, later.place, came.what, came.distro, came.version
    FROM later JOIN came ON came.generation = later.id
) AS came
WHERE $2::text[] = '{}' OR came.distro = ANY ($2)
ORDER BY came.place, came.id
