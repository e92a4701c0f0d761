-- The rules for stages and missing steps. kver_status and kver_status_of() find the rows, and use these functions for the rules.
--
-- The functions have no settings, so that the planner can inline them.
CREATE OR REPLACE FUNCTION kver_stage(is_seen boolean, is_fetched boolean, is_built boolean, is_tested boolean, is_available boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN is_available THEN 'available'
    WHEN is_tested THEN 'tested'
    WHEN is_built THEN 'built'
    WHEN is_fetched THEN 'fetched'
    WHEN is_seen THEN 'seen'
    ELSE 'known'
END;
COMMENT ON FUNCTION kver_stage(boolean, boolean, boolean, boolean, boolean) IS 'Returns the furthest stage of a kernel.';
REVOKE ALL ON FUNCTION kver_stage(boolean, boolean, boolean, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_stage(boolean, boolean, boolean, boolean, boolean) TO sqern_reader, sqern_writer;

-- build_id and build_result are those of the newest build. test_id and test_result are those of the newest test run of the newest successful
-- build. Results are in upper case, and null while the run is in progress.
CREATE OR REPLACE FUNCTION kver_missing(stage text, build_id bigint, build_result text, test_id bigint, test_result text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE stage
    WHEN 'available' THEN NULL
    WHEN 'tested' THEN 'not available'
    WHEN 'built' THEN CASE
        WHEN test_id IS NULL THEN 'not tested'
        WHEN test_result IS NULL THEN 'testing'
        WHEN test_result IN ('FAILURE', 'UNSTABLE') THEN 'test failed'
        ELSE 'harness failed'
    END
    ELSE CASE
        WHEN build_id IS NOT NULL THEN CASE
            WHEN build_result IS NULL THEN 'building'
            WHEN build_result IN ('FAILURE', 'UNSTABLE') THEN 'build failed'
            ELSE 'harness failed'
        END
        WHEN stage = 'fetched' THEN 'not built'
        WHEN stage = 'seen' THEN 'not fetched'
        ELSE 'not seen'
    END
END;
COMMENT ON FUNCTION kver_missing(text, bigint, text, bigint, text) IS 'Returns the state of the missing step of a kernel. Returns null if the kernel is available.';
REVOKE ALL ON FUNCTION kver_missing(text, bigint, text, bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_missing(text, bigint, text, bigint, text) TO sqern_reader, sqern_writer;

-- failed_at is the start time of the first failed run, and ready_at that of the stage before the build.
CREATE OR REPLACE FUNCTION kver_missing_since(
    missing text, stage text,
    ready_at timestamptz, build_at timestamptz, build_failed_at timestamptz, built_at timestamptz, test_at timestamptz, test_failed_at timestamptz, tested_at timestamptz
) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE missing
    WHEN 'not available' THEN tested_at
    WHEN 'not tested' THEN built_at
    WHEN 'test failed' THEN test_failed_at
    WHEN 'testing' THEN test_at
    WHEN 'build failed' THEN build_failed_at
    WHEN 'building' THEN build_at
    WHEN 'harness failed' THEN CASE stage WHEN 'built' THEN test_at ELSE build_at END
    WHEN 'not built' THEN ready_at
    WHEN 'not fetched' THEN ready_at
    WHEN 'not seen' THEN ready_at
END;
COMMENT ON FUNCTION kver_missing_since(text, text, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz) IS 'Returns the time from which the missing step of a kernel is missing. Returns null if the kernel is available.';
REVOKE ALL ON FUNCTION kver_missing_since(text, text, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kver_missing_since(text, text, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz) TO sqern_reader, sqern_writer;
