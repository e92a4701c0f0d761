//! Objects of a writer with the names of objects that the functions of the journal use.

use tokio_postgres::Client;

use super::with_writer;
use crate::support::{refused, rows, run};

/// Functions that raise an error.
const FUNCTIONS: [(&str, &str); 11] = [
    ("generation_id()", "bigint"),
    ("generation_id_if_assigned()", "bigint"),
    ("generation_position(bigint)", "bigint"),
    ("event_net_effect(text, bigint, bigint)", "bigint"),
    ("event_diff(bigint, bigint)", "bigint"),
    ("journal_key(oid)", "text[]"),
    ("journal_match(regclass)", "text"),
    ("jsonb_build_object(text, text)", "jsonb"),
    ("format(text, text)", "text"),
    ("set_config(text, text, boolean)", "text"),
    ("pg_notify(text, text)", "void"),
];

/// Operators that the functions of the journal use, with their types.
const OPERATORS: [(&str, &str, &str); 12] = [
    ("=", "text, text", "boolean"),
    ("=", "bigint, bigint", "boolean"),
    ("=", "boolean, boolean", "boolean"),
    ("=", "timestamptz, timestamptz", "boolean"),
    ("=", "jsonb, jsonb", "boolean"),
    ("=", "xid8, xid8", "boolean"),
    ("<>", "bigint, bigint", "boolean"),
    (">", "bigint, bigint", "boolean"),
    ("||", "jsonb, jsonb", "jsonb"),
    ("->>", "jsonb, text", "text"),
    ("?", "jsonb, text", "boolean"),
    ("~~", "text, text", "boolean"),
];

const TABLES: [&str; 10] = [
    "event",
    "generation",
    "generation_commit",
    "generation_epoch",
    "distro",
    "kver",
    "kver_ignore",
    "kver_ignored",
    "pg_class",
    "pg_constraint",
];

/// Creates objects that PostgreSQL finds first for a name without a schema.
async fn create_shadowing_objects(client: &Client) {
    for schema in ["own_schema", "pg_temp"] {
        for (signature, result) in FUNCTIONS {
            let body = "BEGIN RAISE ''shadowing function used''; END";
            run(client, &format!("CREATE FUNCTION {schema}.{signature} RETURNS {result} LANGUAGE plpgsql AS '{body}'")).await;
        }
        for table in TABLES {
            let like = if table.starts_with("pg_") {
                "pg_catalog"
            } else {
                "public"
            };
            run(
                client,
                &format!("CREATE TABLE {schema}.{table} AS TABLE {like}.{table} WITH NO DATA"),
            )
            .await;
        }
        for table in [
            "new_rows", "old_rows", "back", "net", "ordered", "inside", "descent", "changed",
        ] {
            run(
                client,
                &format!("CREATE TABLE {schema}.{table} AS SELECT * FROM public.kver"),
            )
            .await;
        }
    }
    for (number, (name, types, result)) in OPERATORS.iter().enumerate() {
        let (left, right) = types.split_once(", ").unwrap();
        run(
            client,
            &format!(
                "CREATE FUNCTION own_schema.operator_{number}({types}) RETURNS {result} LANGUAGE plpgsql AS 'BEGIN RAISE ''shadowing operator used''; END';
                 CREATE OPERATOR own_schema.{name} (FUNCTION = own_schema.operator_{number}, LEFTARG = {left}, RIGHTARG = {right})"
            ),
        )
        .await;
    }
    run(
        client,
        "CREATE TYPE own_schema.label AS ENUM ('unused');
         CREATE FUNCTION own_schema.label_text(own_schema.label) RETURNS text LANGUAGE sql AS 'SELECT ''stored''';
         CREATE FUNCTION own_schema.label_jsonb(own_schema.label) RETURNS jsonb LANGUAGE sql AS 'SELECT ''\"forged\"''::jsonb';
         CREATE CAST (own_schema.label AS text) WITH FUNCTION own_schema.label_text(own_schema.label) AS ASSIGNMENT;
         CREATE CAST (own_schema.label AS jsonb) WITH FUNCTION own_schema.label_jsonb(own_schema.label) AS IMPLICIT;
         CREATE CAST (own_schema.label AS json) WITH INOUT AS IMPLICIT",
    )
    .await;
}

#[tokio::test]
async fn shadowing_objects_are_not_used_by_the_functions_of_the_journal() {
    let mut seen = vec![];
    for is_shadowed in [false, true] {
        let (_database, client) = with_writer().await;
        if is_shadowed {
            create_shadowing_objects(&client).await;
            run(&client, "INSERT INTO kver VALUES ('d', 'shadow', true); INSERT INTO own_schema.event DEFAULT VALUES").await;
            run(
                &client,
                "SET search_path = own_schema, pg_temp, public, pg_catalog",
            )
            .await;
            assert_eq!(
                refused(&client, "SELECT 'a'::text = 'b'::text").await,
                "shadowing operator used"
            );
            assert_eq!(
                refused(&client, "SELECT generation_id()").await,
                "shadowing function used"
            );
        }
        let label = if is_shadowed {
            "'unused'::own_schema.label"
        } else {
            "'stored'"
        };
        for transaction in [
            &format!(
                "SELECT public.generation_start('first'); INSERT INTO public.kver VALUES ('d', {label}), ('d', '2'), ('d', '33')"
            ),
            "UPDATE public.kver SET archived = true WHERE version OPERATOR(pg_catalog.=) '2'; UPDATE public.distro SET name = 'e'",
            "INSERT INTO public.kver VALUES ('e', '1', false), ('e', '3', false) ON CONFLICT (distro, version) DO UPDATE SET archived = EXCLUDED.archived",
            "INSERT INTO public.kver_ignore (distro, pattern) VALUES ('e', '_'); UPDATE public.kver_ignore SET deleted_at = now(), pattern = comment WHERE false",
            "UPDATE public.kver_ignore SET deleted_at = '2026-01-02 00:00:00+00'",
            "SELECT public.generation_id(), public.generation_drop_empty_current(), public.generation_drop_empty(1)",
            "SELECT public.generation_revert(6)",
            "SELECT public.generation_revert(8)",
            "SELECT public.generation_revert(9)",
            "SELECT public.generation_revert(4)",
        ] {
            run(&client, &format!("BEGIN; {transaction}; COMMIT")).await;
        }
        let mut results = vec![];
        for query in [
            "SELECT table_name, action, pkey, fields, old FROM public.event WHERE generation OPERATOR(pg_catalog.>) 1 ORDER BY id",
            "TABLE public.kver_ignored",
            "SELECT public.generation_at(now()), public.generation_position(5), public.generation_is_recent(5), public.generation_id_if_assigned()",
            "SELECT * FROM public.kver_at(generation => 2) AS t ORDER BY t",
            "SELECT * FROM public.kver_at(generation => 9) AS t ORDER BY t",
            "SELECT * FROM public.kver_at(now()) AS t ORDER BY t",
            "SELECT * FROM public.kver_ignore_at(generation => 5) AS t ORDER BY t",
            "SELECT * FROM public.generation_diff(3)",
            "SELECT * FROM public.generation_diff(9, 2)",
            "TABLE public.kver_not_ignored ORDER BY 1, 2",
        ] {
            results.push((query, rows(&client, query).await));
        }
        seen.push(results);
    }
    for (without, with) in seen[0].iter().zip(&seen[1]) {
        assert!(!without.1.is_empty(), "{} returns nothing", without.0);
        assert_eq!(without, with);
    }
}

#[tokio::test]
async fn a_revert_does_not_use_an_existing_table_with_the_name_of_its_plan() {
    let (_database, client) = with_writer().await;
    run(&client, "INSERT INTO kver VALUES ('d', '2')").await;
    for kind in ["TABLE", "VIEW"] {
        run(
            &client,
            &format!(
                "CREATE TEMPORARY {kind} generation_revert_plan AS SELECT 'kver'::text AS table_name, 'insert'::text AS action,
                 '{{\"distro\": \"d\", \"version\": \"1\"}}'::jsonb AS pkey, '{{}}'::jsonb AS fields, NULL::jsonb AS old"
            ),
        )
        .await;
        let message = refused(&client, "SELECT generation_revert(2)").await;
        assert!(message.contains("generation_revert_plan"), "{message}");
        run(&client, &format!("DROP {kind} generation_revert_plan")).await;
    }
    run(&client, "SELECT generation_revert(2)").await;
    assert_eq!(
        rows(
            &client,
            "SELECT count(*), (SELECT count(*) FROM kver_ignore) FROM kver"
        )
        .await,
        ["1 1"]
    );
}

#[tokio::test]
async fn a_writer_with_create_on_schema_public_cannot_change_the_journal() {
    let (database, client) = with_writer().await;
    // The default in a database that was created by PostgreSQL 14 or older.
    run(
        &database.client().await,
        "GRANT CREATE ON SCHEMA public TO PUBLIC; DELETE FROM kver_ignore",
    )
    .await;
    run(
        &client,
        "CREATE FUNCTION public.journal_key(target oid) RETURNS text[] LANGUAGE plpgsql AS $$
         BEGIN UPDATE public.event SET fields = '{\"forged\": true}'; RETURN public.journal_key(target::regclass); END $$;
         SELECT generation_revert(max(id)) FROM generation",
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT count(*) FROM event WHERE fields ? 'forged'"
        )
        .await,
        ["0"]
    );
}
