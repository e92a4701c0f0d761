-- $1 distros (all when empty), $2 time or null for now
SELECT distro, source, state, reason, checked_at
FROM upstream_incomplete(coalesce($2::timestamptz, 'infinity'))
WHERE $1::text[] = '{}' OR distro = ANY ($1)
