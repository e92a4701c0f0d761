-- $1 distros (empty: all). Returns the numbers of kernels of the read model by distribution and stage.
SELECT c.distro, c.wanted, c.stage, sum(c.kernels)::bigint AS kernels
FROM kver_state_count AS c
WHERE $1::text[] = '{}' OR c.distro = ANY ($1)
GROUP BY c.distro, c.wanted, c.stage
