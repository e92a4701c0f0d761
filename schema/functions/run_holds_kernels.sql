-- The function has no settings, so that the planner can inline it.
CREATE OR REPLACE FUNCTION run_holds_kernels(result text, expires_at timestamptz, started_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN result IS NULL AND coalesce(expires_at > now(), started_at > now() - interval '1 day');
COMMENT ON FUNCTION run_holds_kernels(text, timestamptz, timestamptz) IS 'Returns whether a build or test run with this result, expiry of its lease (null: no lease) and start is in progress and holds its kernels, so that no other run can claim them. A run without a lease holds its kernels for one day.';
REVOKE ALL ON FUNCTION run_holds_kernels(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION run_holds_kernels(text, timestamptz, timestamptz) TO sqern_reader, sqern_writer;
