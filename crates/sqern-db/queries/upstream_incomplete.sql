-- $1 distros (empty: all), $2 time (null: now)
SELECT distro, source, state, reason, checked_at
FROM upstream_incomplete(coalesce($2::timestamptz, 'infinity'))
WHERE $1::text[] = '{}' OR distro = ANY ($1)
