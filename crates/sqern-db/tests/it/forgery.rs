//! Attempts of a writer, who owns a schema, to bypass the journal or to forge its events.

mod nested;
mod order;
mod schema_shadowing;

use sqern_testkit::TestDatabase;
use tokio_postgres::Client;

use crate::support::{migrated, refused, rows, run, value};

const DATA: &str = "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1');
    INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'x')";

/// Returns a database with some data, and a session of a writer, who owns the schema `own_schema`.
/// It is first in the search path.
async fn with_writer() -> (TestDatabase, Client) {
    let database = migrated().await;
    let client = database.client().await;
    let user = format!("writer_{}", database.name());
    run(
        &client,
        &format!(
            "{DATA}; CREATE ROLE {user} IN ROLE sqern_writer; CREATE SCHEMA own_schema AUTHORIZATION {user};
             SET SESSION AUTHORIZATION {user}; SET search_path = own_schema, public"
        ),
    )
    .await;
    (database, client)
}

/// Returns whether a message of PostgreSQL reports a missing privilege.
fn is_missing_privilege(message: &str) -> bool {
    [
        "permission denied",
        "must be owner",
        "must be superuser",
        "must be member",
        "must have admin option",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

#[tokio::test]
async fn a_writer_cannot_change_the_journal() {
    let (_database, client) = with_writer().await;
    run(
        &client,
        "CREATE VIEW own_schema.event AS SELECT * FROM public.event; CREATE VIEW own_schema.generation AS SELECT * FROM public.generation",
    )
    .await;
    let journal = rows(&client, "SELECT * FROM public.event, public.generation").await;
    for statement in [
        "INSERT INTO public.event (id, generation, table_name, action, pkey, fields) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'kver', 'insert', '{}', '{}')",
        "INSERT INTO own_schema.event (generation, table_name, action, pkey, fields) VALUES (1, 'kver', 'insert', '{}', '{}')",
        "UPDATE own_schema.generation SET username = 'someone else'",
        "MERGE INTO public.event USING (VALUES (1)) AS s ON true WHEN MATCHED THEN DELETE",
        "WITH gone AS (DELETE FROM public.event RETURNING 1) SELECT * FROM gone",
        "COPY public.event FROM STDIN",
        "COPY public.generation FROM STDIN",
        "COPY public.event FROM PROGRAM 'true'",
        "SELECT * FROM public.event FOR UPDATE",
        "DO 'BEGIN LOCK TABLE public.event IN SHARE MODE; END'",
        "SELECT setval('public.event_id_seq', 1)",
        "SELECT nextval('public.event_id_seq')",
        "SELECT setval('public.generation_id_seq', 1)",
        "SELECT nextval('public.generation_id_seq')",
        "ALTER SEQUENCE public.event_id_seq RESTART",
        "ALTER TABLE public.event ADD COLUMN more text",
        "ALTER TABLE public.event ALTER COLUMN tstamp SET DEFAULT '2000-01-01'",
        "CREATE TEMPORARY TABLE more () INHERITS (public.event)",
        "CREATE RULE away AS ON INSERT TO public.event DO INSTEAD NOTHING",
        "CREATE TRIGGER away BEFORE INSERT ON public.event FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ] {
        let message = refused(&client, statement).await;
        assert!(is_missing_privilege(&message), "{statement}: {message}");
    }
    assert_eq!(
        rows(&client, "SELECT * FROM public.event, public.generation").await,
        journal
    );
}

#[tokio::test]
async fn a_writer_cannot_disable_or_replace_the_triggers() {
    let (_database, client) = with_writer().await;
    for statement in [
        "ALTER TABLE public.kver DISABLE TRIGGER kver_record_trigger",
        "ALTER TABLE public.kver RENAME TO kernel",
        "ALTER TABLE public.kver OWNER TO CURRENT_USER",
        "ALTER TRIGGER kver_record_trigger ON public.kver RENAME TO another",
        "DROP TRIGGER kver_record_trigger ON public.kver",
        "CREATE OR REPLACE TRIGGER kver_record_trigger AFTER INSERT ON public.kver EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE TRIGGER a BEFORE INSERT ON public.kver FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE RULE a AS ON INSERT TO public.kver DO INSTEAD NOTHING",
        "CREATE INDEX ON public.kver (version)",
        "CREATE TEMPORARY TABLE more () INHERITS (public.kver)",
        "CREATE OR REPLACE FUNCTION public.generation_id() RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION public.generation_id(integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
        "CREATE OPERATOR public.### (FUNCTION = int4pl, LEFTARG = integer, RIGHTARG = integer)",
        "ALTER FUNCTION public.kver_record() SECURITY INVOKER",
        "ALTER FUNCTION public.kver_record() SET search_path = own_schema",
        "ALTER FUNCTION public.generation_id() OWNER TO CURRENT_USER",
        "DROP FUNCTION public.generation_id() CASCADE",
        "SET session_replication_role = replica",
        "SELECT set_config('session_replication_role', 'replica', false)",
        "DO $$ BEGIN EXECUTE format('ALTER ROLE %I SET session_replication_role = replica', current_user); END $$",
        "DO $$ BEGIN EXECUTE format('GRANT sqern_admin TO %I', current_user); END $$",
        "SET ROLE sqern_admin",
        "REASSIGN OWNED BY sqern_admin TO CURRENT_USER",
        "ALTER DEFAULT PRIVILEGES FOR ROLE sqern_admin GRANT ALL ON TABLES TO PUBLIC",
        "CREATE EVENT TRIGGER a ON ddl_command_start EXECUTE FUNCTION public.kver_record()",
        "DELETE FROM public.kver_package",
        "UPDATE public.kver_ignored SET version = '2'",
    ] {
        let message = refused(&client, statement).await;
        assert!(is_missing_privilege(&message), "{statement}: {message}");
    }
    run(
        &client,
        "SET CONSTRAINTS ALL DEFERRED; SET row_security = off; INSERT INTO kver VALUES ('d', '2')",
    )
    .await;
    assert_eq!(
        value(
            &client,
            "SELECT count(*) FROM event WHERE pkey ->> 'version' = '2'"
        )
        .await,
        "1"
    );
}

#[tokio::test]
async fn a_trigger_of_a_table_of_a_writer_cannot_record_events() {
    let (database, client) = with_writer().await;
    run(
        &client,
        "CREATE TEMPORARY TABLE kver (distro text, version text, archived boolean)",
    )
    .await;
    let functions = "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype";
    let functions = rows(&database.client().await, functions).await;
    assert!(functions.len() >= 15, "{functions:?}");
    for function in functions {
        let name = function.trim_end_matches("()");
        let create = format!(
            "CREATE TRIGGER forge AFTER INSERT ON pg_temp.kver REFERENCING NEW TABLE AS new_rows EXECUTE FUNCTION public.{name}()"
        );
        let message = refused(&client, &create).await;
        assert_eq!(
            message,
            format!("permission denied for function public.{name}")
        );
        assert!(
            is_missing_privilege(&refused(&client, &format!("SELECT public.{name}()")).await),
            "{name}"
        );
    }
}

/// Each of these functions runs with the privileges of the owner. Review a new one for misuse
/// before you add it to the list.
#[tokio::test]
async fn a_writer_can_execute_only_listed_security_definer_functions() {
    let (_database, client) = with_writer().await;
    let callable =
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
        AND has_function_privilege(oid, 'EXECUTE') ORDER BY proname";
    assert_eq!(
        rows(&client, callable).await,
        [
            "generation_drop_empty",
            "generation_drop_empty_current",
            "generation_id",
            "generation_id_if_assigned",
            "generation_revert",
            "generation_start",
            "kver_state_refill",
            "kver_state_refresh",
            "sequences_behind"
        ]
    );
    for call in [
        "generation_revert_delete('kver', 2)",
        "generation_revert_insert('kver')",
        "generation_revert_update('kver')",
        "generation_notify(1)",
        "journal_check_order(1)",
        "generation_revert_refuse_later(2)",
        "journal_attach('kver')",
        "journal_attach_at('kver')",
    ] {
        assert!(
            refused(&client, &format!("SELECT public.{call}"))
                .await
                .contains("permission denied"),
            "{call}"
        );
    }
}

#[tokio::test]
async fn a_generation_contains_the_session_user_and_not_the_current_role() {
    let (database, client) = with_writer().await;
    run(
        &client,
        "SET ROLE sqern_writer; INSERT INTO public.kver VALUES ('d', '2')",
    )
    .await;
    let who = "SELECT username FROM public.generation ORDER BY id DESC LIMIT 1";
    assert_eq!(
        value(&client, who).await,
        format!("writer_{}", database.name())
    );
}

#[tokio::test]
async fn no_setting_adds_events_to_the_generation_of_another_transaction() {
    let (database, client) = with_writer().await;
    let other = database.client().await;
    run(&other, "BEGIN; INSERT INTO distro VALUES ('open', 'O')").await;
    let open = value(&other, "SELECT generation_id()").await;
    run(&client, "BEGIN; INSERT INTO kver VALUES ('d', 'mine')").await;
    let previous = value(&client, "SELECT generation_id()").await;
    run(&client, "COMMIT").await;
    let invalid = [
        " 1",
        "+1",
        "1.0",
        "0x1",
        "1e0",
        "NaN",
        "١",
        "1\n",
        "00000000000000001",
        "999999999999999999",
        "9223372036854775808",
    ];
    let long = "1".repeat(5000);
    let values = ["1", "2", "0", &open, &previous, &long]
        .into_iter()
        .chain(invalid);
    let before = rows(
        &client,
        "SELECT generation, count(*) FROM event GROUP BY generation ORDER BY generation",
    )
    .await;
    for (number, forged) in values.enumerate() {
        for (method, set) in [
            format!("SET sqern.generation = '{forged}'"),
            format!("SET LOCAL sqern.generation = '{forged}'"),
            format!("SELECT set_config('sqern.generation', '{forged}', false)"),
            format!("SAVEPOINT s; SET sqern.generation = '{forged}'; ROLLBACK TO s; SET LOCAL sqern.generation = '{forged}'"),
        ]
        .iter()
        .enumerate()
        {
            let insert = |label: &str| format!("INSERT INTO kver VALUES ('d', '{label}-{number}-{method}')");
            run(
                &client,
                &format!(
                    "BEGIN; {set}; {}; {set}; {}; SAVEPOINT t; {set}; {}; RELEASE t; SAVEPOINT u; {set}; {}; ROLLBACK TO u; {}; COMMIT",
                    insert("first"),
                    insert("second"),
                    insert("released"),
                    insert("lost"),
                    insert("last")
                ),
            )
            .await;
            let recorded = format!(
                "SELECT count(*), count(DISTINCT generation), bool_and(generation = (SELECT max(id) FROM generation))
                 FROM event WHERE pkey ->> 'version' LIKE '%-{number}-{method}'"
            );
            assert_eq!(rows(&client, &recorded).await, ["4 1 t"], "{set}");
        }
    }
    run(&client, "RESET sqern.generation").await;
    let after = rows(
        &client,
        "SELECT generation, count(*) FROM event GROUP BY generation ORDER BY generation",
    )
    .await;
    assert_eq!(
        after[..before.len()],
        before,
        "older generations are unchanged"
    );
    run(&other, "COMMIT").await;
    assert_eq!(
        value(
            &other,
            &format!("SELECT count(*) FROM event WHERE generation = {open}")
        )
        .await,
        "1"
    );
}

#[tokio::test]
async fn a_function_called_by_a_statement_cannot_remove_its_generation() {
    let (_database, client) = with_writer().await;
    run(
        &client,
        "CREATE FUNCTION own_schema.interfere(version text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN
             PERFORM public.generation_drop_empty(public.generation_id());
             INSERT INTO public.kver VALUES ('d', 'within-' || version);
             PERFORM public.generation_drop_empty_current(), set_config('sqern.generation', '1', false);
             BEGIN
                 INSERT INTO public.kver VALUES ('d', 'lost');
                 RAISE EXCEPTION 'rollback';
             EXCEPTION WHEN raise_exception THEN
                 PERFORM public.generation_drop_empty_current();
             END;
             RETURN version;
         END $$;
         INSERT INTO kver SELECT 'd', own_schema.interfere(number::text) FROM generate_series(11, 13) AS number;
         WITH a AS (INSERT INTO kver VALUES ('d', own_schema.interfere('14')) RETURNING own_schema.interfere('15')) SELECT * FROM a",
    )
    .await;
    let events = "SELECT count(*), count(g.id), count(DISTINCT e.generation), count(DISTINCT g.xact) FROM event e LEFT JOIN generation g ON g.id = e.generation
        WHERE pkey ->> 'version' ~ '1[0-9]$'";
    assert_eq!(rows(&client, events).await, ["9 9 1 1"]);
    assert_eq!(
        value(
            &client,
            "SELECT count(*) FROM event WHERE pkey ->> 'version' = 'lost'"
        )
        .await,
        "0"
    );
}
