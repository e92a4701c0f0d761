-- The keys have the order of the types in crates/sqern-model/src/order/, which a test compares.
--
-- A number is its count of significant digits (3 digits) and these digits. A version ends with "!", the character with the lowest code in a
-- key except for the blank of "~". After "!", the version itself follows, because different versions can be equal by the rule.
--
-- dpkg (deb-version(7)) alternately compares text and numbers. Letters precede all other characters, which therefore have the prefix "{". The
-- text of each pair also ends with "!".
--
-- A key has at most 350 characters, because the size of an index entry is limited. Keys of versions with up to 64 characters, the limit of the
-- program, are shorter.
--
-- rpm (rpm-version(7)) compares segments of letters or digits and ignores separators. Each segment begins with a character for its type.
CREATE OR REPLACE FUNCTION kver_sort_key(distro text, version text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
    WITH rule AS (
        SELECT distro ~ '^(debian|ubuntu|proxmox|devuan|gardenlinux|kali|linuxmint|raspbian|raspios)' AS is_dpkg
    ), colon AS (
        SELECT position(':' IN version) AS position
    ), epoch AS (
        SELECT CASE WHEN position > 0 AND (is_dpkg OR left(version, position - 1) ~ '^[0-9]*$') THEN left(version, position - 1) ELSE '' END AS text,
               CASE WHEN position > 0 AND (is_dpkg OR left(version, position - 1) ~ '^[0-9]*$') THEN substr(version, position + 1) ELSE version END AS rest
        FROM rule, colon
    ), part AS (
        SELECT 1 AS number, text FROM epoch
        UNION ALL
        SELECT 2, coalesce(substring(rest FROM '^(.*)-[^-]*$'), rest) FROM epoch
        UNION ALL
        SELECT 3, coalesce(substring(rest FROM '-([^-]*)$'), '') FROM epoch
    ), encoded AS (
        SELECT part.number, coalesce(string_agg(
                   CASE WHEN is_dpkg
                   THEN replace(regexp_replace(token[1], '([^A-Za-z~])', '{\1', 'g'), '~', ' ') || '!'
                        || lpad(length(ltrim(token[2], '0'))::text, 3, '0') || ltrim(token[2], '0')
                   ELSE CASE
                            WHEN token[1] = '~' THEN ' '
                            WHEN token[1] = '^' THEN '#'
                            WHEN token[1] ~ '^[0-9]' THEN 'n' || lpad(length(ltrim(token[1], '0'))::text, 3, '0') || ltrim(token[1], '0')
                            ELSE 'a' || token[1] || '!'
                        END
                   END, '' ORDER BY position), '') AS key
        FROM rule, part
        LEFT JOIN LATERAL (
            SELECT token, position
            FROM regexp_matches(part.text, CASE WHEN is_dpkg THEN '([^0-9]*)([0-9]*)' ELSE '(~|\^|[A-Za-z]+|[0-9]+)' END, 'g')
                WITH ORDINALITY AS matched (token, position)
            WHERE NOT is_dpkg OR position = 1 OR token <> ARRAY['', '']
        ) AS tokens ON true
        GROUP BY part.number
    )
    SELECT left(string_agg(CASE WHEN number = 1 AND NOT is_dpkg THEN coalesce(nullif(key, ''), 'n000') ELSE key || '!' END, '' ORDER BY number) || version, 350)
    FROM encoded, rule
$$;
COMMENT ON FUNCTION kver_sort_key(text, text) IS 'Returns the key that sorts the kernel versions of a distribution with COLLATE "C", by the rules of dpkg or rpm.';
REVOKE ALL ON FUNCTION kver_sort_key(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_sort_key(text, text) TO sqern_reader, sqern_writer;
