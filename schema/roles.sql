-- Creates the roles of sqern and makes the current role a member of sqern_admin. sqern db migrate runs this file before it changes a
-- schema.
--
-- Roles belong to the whole cluster: an existing role is used as it is, and needs no CREATEROLE attribute. If a privilege is missing,
-- the error lists every command that a superuser has to run, and nothing is changed.
DO $$
DECLARE
    new_role record;
    required text[] := '{}';
    server_version constant integer := current_setting('server_version_num');
    -- Since PostgreSQL 16, the role that creates another has ADMIN OPTION on it, but neither the SET nor the INHERIT option.
    needed constant text[] := CASE WHEN server_version >= 160000 THEN ARRAY['SET', 'USAGE'] ELSE ARRAY['MEMBER'] END;
    options constant text := CASE WHEN server_version >= 160000 THEN ' WITH INHERIT TRUE, SET TRUE' ELSE '' END;
BEGIN
    FOR new_role IN
        SELECT * FROM (
            VALUES ('sqern_admin', 'sqern: owns the schema and can change it'),
                   ('sqern_writer', 'sqern: can insert and update data, but cannot write to the journal'),
                   ('sqern_crawler', 'sqern: is a sqern_writer, and can record crawls and packages'),
                   ('sqern_reader', 'sqern: can read all data')
        ) AS wanted (name, description)
        WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', new_role.name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', new_role.name, new_role.description);
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN
                NULL;  -- created concurrently for another database of the cluster
            WHEN insufficient_privilege THEN
                required := required || format('CREATE ROLE %I', new_role.name);
        END;
    END LOOP;

    IF (SELECT count(*) FROM pg_roles WHERE rolname IN ('sqern_crawler', 'sqern_writer')) < 2 THEN
        required := required || 'GRANT sqern_writer TO sqern_crawler'::text;
    ELSIF NOT pg_has_role('sqern_crawler', 'sqern_writer', 'USAGE') THEN
        BEGIN
            GRANT sqern_writer TO sqern_crawler;
        EXCEPTION
            WHEN unique_violation THEN
                NULL;  -- granted concurrently for another database of the cluster
            WHEN insufficient_privilege OR invalid_grant_operation THEN
                required := required || 'GRANT sqern_writer TO sqern_crawler'::text;
        END;
    END IF;

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'sqern_admin') THEN
        required := required || format('GRANT sqern_admin TO %I', current_user);
    ELSIF EXISTS (SELECT FROM unnest(needed) AS privilege WHERE NOT pg_has_role(current_user, 'sqern_admin', privilege)) THEN
        BEGIN
            EXECUTE format('GRANT sqern_admin TO %I%s', current_user, options);
        EXCEPTION
            WHEN unique_violation THEN
                NULL;  -- granted concurrently for another database of the cluster
            WHEN insufficient_privilege OR invalid_grant_operation THEN
                required := required || format('GRANT sqern_admin TO %I%s', current_user, options);
        END;
    END IF;

    -- The first migration grants privileges on the database and on the schema public.
    IF to_regclass('public.schema_migration') IS NULL
        AND EXISTS (
            SELECT FROM unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) AS privilege
            WHERE NOT has_database_privilege(current_database(), privilege || ' WITH GRANT OPTION')
            UNION ALL
            SELECT FROM unnest(ARRAY['USAGE', 'CREATE']) AS privilege
            WHERE NOT has_schema_privilege('public', privilege || ' WITH GRANT OPTION')
        )
    THEN
        IF NOT pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
            required := required || format('ALTER DATABASE %I OWNER TO %I', current_database(), current_user);
        END IF;
        IF (SELECT nspowner FROM pg_namespace WHERE nspname = 'public') <> 'pg_database_owner'::regrole THEN
            required := required || 'ALTER SCHEMA public OWNER TO pg_database_owner'::text;
        END IF;
    END IF;

    IF required <> '{}' THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('permission denied to migrate database "%s" as role "%s"', current_database(), current_user),
            HINT = format('A superuser must run in this database: %s. Then run sqern db migrate again.', array_to_string(required, '; '));
    END IF;
END
$$;
