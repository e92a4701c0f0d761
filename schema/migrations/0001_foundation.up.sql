-- checksum: 2dbce0bf82b62049b65ab6a555f34aa79e8507e95af7252271254514bdd46261
-- Creates the tables that record the migrations, and grants the roles of schema/roles.sql their privileges on the database.
--
-- All later objects are owned by sqern_admin, so that SECURITY DEFINER functions never run with the rights of a superuser.
DO $$
BEGIN
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO sqern_admin', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO sqern_reader, sqern_writer', current_database());
END
$$;

GRANT USAGE, CREATE ON SCHEMA public TO sqern_admin;
GRANT USAGE ON SCHEMA public TO sqern_reader, sqern_writer;

SET LOCAL ROLE sqern_admin;

CREATE TABLE schema_migration (
    version integer NOT NULL,
    name text NOT NULL,
    breaking boolean NOT NULL,
    checksum text NOT NULL,
    tstamp timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schema_migration_pkey PRIMARY KEY (version)
);

CREATE TABLE schema_function (
    file text NOT NULL,
    checksum text NOT NULL,
    CONSTRAINT schema_function_pkey PRIMARY KEY (file)
);

GRANT SELECT ON schema_migration, schema_function TO sqern_reader, sqern_writer;

RESET ROLE;
