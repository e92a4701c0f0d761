-- $1 distros (empty: all), $2 LIKE pattern of versions (null: all), $3 whether to include ignored and archived kernels,
-- $4 versions (empty: all), $5 time of the first sighting, exclusive (null: all)
SELECT kver.distro, kver.version, seen.tstamp AS seen_at, fetched.tstamp AS fetched_at,
    ignored.version IS NOT NULL AS ignored, kver.archived
FROM kver
LEFT JOIN kver_seen AS seen USING (distro, version)
LEFT JOIN kver_fetched AS fetched USING (distro, version)
LEFT JOIN kver_ignored AS ignored USING (distro, version)
WHERE ($1::text[] = '{}' OR kver.distro = ANY ($1))
  AND ($2::text IS NULL OR kver.version LIKE $2)
  AND ($4::text[] = '{}' OR kver.version = ANY ($4))
  AND ($5::timestamptz IS NULL OR seen.tstamp > $5)
  AND ($3 OR ignored.version IS NULL AND NOT kver.archived)
