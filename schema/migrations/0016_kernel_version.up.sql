-- Restricts kernel versions and names of distributions to characters without a special meaning in paths, shells and spreadsheets. They are
-- directories of the store, names of log files, and variables of commands. uname -r prints at most 64 bytes (__NEW_UTS_LEN).
--
-- Existing rows are checked, because each use of an invalid one is unsafe. A migration cannot know the correct name.
DO $$
DECLARE
    version_rule constant text := '^[A-Za-z0-9][A-Za-z0-9._+~:-]{0,63}$';
    name_rule constant text := '^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$';
    rows_found bigint;
    rows_shown text;
BEGIN
    SELECT count(*), string_agg(line, ', ' ORDER BY line) FILTER (WHERE position <= 20) INTO rows_found, rows_shown
    FROM (
        SELECT line, row_number() OVER (ORDER BY line) AS position
        FROM (
            SELECT format('distro %s', to_json(left(name, 80))) FROM distro WHERE name !~ name_rule
            UNION ALL
            SELECT format('kver %s %s', to_json(left(distro, 80)), to_json(left(version, 80))) FROM kver WHERE version !~ version_rule
        ) AS invalid (line)
    ) AS numbered;
    IF rows_found > 0 THEN
        RAISE EXCEPTION 'cannot restrict kernel versions and names of distributions: % rows contain other characters or are too long', rows_found
            USING ERRCODE = 'check_violation',
                DETAIL = rows_shown || CASE WHEN rows_found > 20 THEN format(', and %s more', rows_found - 20) ELSE '' END,
                HINT = 'Correct each row, for example: UPDATE kver SET version = ''6.1.0-25-amd64'' WHERE distro = ''debian12'' AND version = ''…''. '
                    'A kernel version must match ' || version_rule || ', and a name of a distribution ' || name_rule || '.';
    END IF;

    ALTER TABLE distro DROP CONSTRAINT distro_name_check, DROP CONSTRAINT distro_name_length_check;
    ALTER TABLE kver DROP CONSTRAINT kver_version_check, DROP CONSTRAINT kver_version_length_check;
    EXECUTE format('ALTER TABLE distro ADD CONSTRAINT distro_name_check CHECK (name ~ %L)', name_rule);
    EXECUTE format('ALTER TABLE kver ADD CONSTRAINT kver_version_check CHECK (version ~ %L)', version_rule);
END
$$;
