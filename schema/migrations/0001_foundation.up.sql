-- Who may do what, and what was done to the schema so far, before there is anything else.
--
-- Roles belong to the whole cluster, databases come and go: an existing role is taken as it is. All that follows is owned by
-- sqern_admin, so that functions with their owner's rights (SECURITY DEFINER) never have a superuser's.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        VALUES ('sqern_admin', 'sqern: owns the schema; may delete and change it'),
               ('sqern_writer', 'sqern: may insert and update data, and nothing in the journal itself'),
               ('sqern_reader', 'sqern: may read everything')
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted.column1);
            EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.column1, wanted.column2);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- made before, or at this moment for another database of the cluster
        END;
    END LOOP;
    IF NOT pg_has_role(current_user, 'sqern_admin', 'MEMBER') THEN
        GRANT sqern_admin TO CURRENT_USER;
    END IF;
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
COMMENT ON TABLE schema_migration IS 'The migrations that made this schema, as sqern db migrate applied them.';
COMMENT ON COLUMN schema_migration.version IS 'The migration''s number; the highest is the schema''s version.';
COMMENT ON COLUMN schema_migration.name IS 'What it brought.';
COMMENT ON COLUMN schema_migration.breaking IS 'Whether programs that do not know it must not use the database.';
COMMENT ON COLUMN schema_migration.checksum IS 'SHA-256 of its file, in hexadecimal.';
COMMENT ON COLUMN schema_migration.tstamp IS 'When it was applied.';

CREATE TABLE schema_function (
    file text NOT NULL,
    checksum text NOT NULL,
    CONSTRAINT schema_function_pkey PRIMARY KEY (file)
);
COMMENT ON TABLE schema_function IS 'The files of functions, triggers and views that were last applied over the migrations.';
COMMENT ON COLUMN schema_function.file IS 'The file''s name.';
COMMENT ON COLUMN schema_function.checksum IS 'SHA-256 of the file, in hexadecimal.';

GRANT SELECT ON schema_migration, schema_function TO sqern_reader, sqern_writer;

RESET ROLE;
