//! Things of the writer's own that bear the names of what the journal's functions use.

use tokio_postgres::Client;

use super::with_writer;
use crate::support::{refused, rows, run};

/// Each raises when it is used.
const FUNCTIONS: [(&str, &str); 11] = [
    ("generation_id()", "bigint"),
    ("generation_id_if_assigned()", "bigint"),
    ("generation_place(bigint)", "bigint"),
    ("event_net(text, bigint, bigint)", "bigint"),
    ("event_diff(bigint, bigint)", "bigint"),
    ("journal_key(oid)", "text[]"),
    ("generation_revert_match(text)", "text"),
    ("jsonb_build_object(text, text)", "jsonb"),
    ("format(text, text)", "text"),
    ("set_config(text, text, boolean)", "text"),
    ("pg_notify(text, text)", "void"),
];

/// Operators that the journal's functions use, with their types.
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

const TABLES: [&str; 8] = ["event", "generation", "distro", "kver", "kver_ignore", "kver_ignored", "pg_class", "pg_constraint"];

/// Everything that could be taken for the real thing, found first wherever a name is looked up without its schema.
async fn lay_decoys(client: &Client) {
    for schema in ["lair", "pg_temp"] {
        for (signature, result) in FUNCTIONS {
            let body = "BEGIN RAISE ''fooled by a function''; END";
            run(client, &format!("CREATE FUNCTION {schema}.{signature} RETURNS {result} LANGUAGE plpgsql AS '{body}'")).await;
        }
        for table in TABLES {
            let like = if table.starts_with("pg_") { "pg_catalog" } else { "public" };
            run(client, &format!("CREATE TABLE {schema}.{table} AS TABLE {like}.{table} WITH NO DATA")).await;
        }
        for table in ["new_rows", "old_rows", "back", "net", "ordered", "inside", "descent", "place"] {
            run(client, &format!("CREATE TABLE {schema}.{table} AS SELECT * FROM public.kver")).await;
        }
    }
    for (number, (name, types, result)) in OPERATORS.iter().enumerate() {
        let (left, right) = types.split_once(", ").unwrap();
        run(
            client,
            &format!(
                "CREATE FUNCTION lair.operator_{number}({types}) RETURNS {result} LANGUAGE plpgsql AS 'BEGIN RAISE ''fooled by an operator''; END';
                 CREATE OPERATOR lair.{name} (FUNCTION = lair.operator_{number}, LEFTARG = {left}, RIGHTARG = {right})"
            ),
        )
        .await;
    }
    run(
        client,
        "CREATE TYPE lair.word AS ENUM ('told');
         CREATE FUNCTION lair.word_text(lair.word) RETURNS text LANGUAGE sql AS 'SELECT ''stored''';
         CREATE FUNCTION lair.word_jsonb(lair.word) RETURNS jsonb LANGUAGE sql AS 'SELECT ''\"forged\"''::jsonb';
         CREATE CAST (lair.word AS text) WITH FUNCTION lair.word_text(lair.word) AS ASSIGNMENT;
         CREATE CAST (lair.word AS jsonb) WITH FUNCTION lair.word_jsonb(lair.word) AS IMPLICIT;
         CREATE CAST (lair.word AS json) WITH INOUT AS IMPLICIT",
    )
    .await;
}

#[tokio::test]
async fn nothing_that_bears_the_name_of_the_real_thing_is_taken_for_it() {
    let mut seen = vec![];
    for decoys in [false, true] {
        let (_database, client) = with_writer().await;
        if decoys {
            lay_decoys(&client).await;
            run(&client, "INSERT INTO kver VALUES ('d', 'decoy', true); INSERT INTO lair.event DEFAULT VALUES").await;
            run(&client, "SET search_path = lair, pg_temp, public, pg_catalog").await;
            assert_eq!(refused(&client, "SELECT 'a'::text = 'b'::text").await, "fooled by an operator");
            assert_eq!(refused(&client, "SELECT generation_id()").await, "fooled by a function");
        }
        let word = if decoys { "'told'::lair.word" } else { "'stored'" };
        for transaction in [
            &format!(
                "SELECT public.generation_start('first'); INSERT INTO public.kver VALUES ('d', {word}), ('d', '2'), ('d', '%')"
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
        let mut answers = vec![];
        for question in [
            "SELECT table_name, action, pkey, fields, old FROM public.event WHERE generation OPERATOR(pg_catalog.>) 1 ORDER BY id",
            "TABLE public.kver_ignored",
            "SELECT public.generation_at(now()), public.generation_place(5), public.generation_is_recent(5), public.generation_id_if_assigned()",
            "SELECT * FROM public.kver_at(generation => 2) AS t ORDER BY t",
            "SELECT * FROM public.kver_at(generation => 9) AS t ORDER BY t",
            "SELECT * FROM public.kver_at(now()) AS t ORDER BY t",
            "SELECT * FROM public.kver_ignore_at(generation => 5) AS t ORDER BY t",
            "SELECT * FROM public.generation_diff(3)",
            "SELECT * FROM public.generation_diff(9, 2)",
            "TABLE public.kver_not_ignored ORDER BY 1, 2",
        ] {
            answers.push((question, rows(&client, question).await));
        }
        seen.push(answers);
    }
    for (without, with) in seen[0].iter().zip(&seen[1]) {
        assert!(!without.1.is_empty(), "{} shows nothing", without.0);
        assert_eq!(without, with);
    }
}

#[tokio::test]
async fn a_plan_that_was_laid_ready_for_a_revert_is_not_followed() {
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
        let said = refused(&client, "SELECT generation_revert(2)").await;
        assert!(said.contains("generation_revert_plan"), "{said}");
        run(&client, &format!("DROP {kind} generation_revert_plan")).await;
    }
    run(&client, "SELECT generation_revert(2)").await;
    assert_eq!(rows(&client, "SELECT count(*), (SELECT count(*) FROM kver_ignore) FROM kver").await, ["1 1"]);
}

#[tokio::test]
async fn who_may_create_in_public_still_has_no_way_into_the_journal() {
    let (database, client) = with_writer().await;
    // As every user may in a database that comes from PostgreSQL 14 or older.
    run(&database.client().await, "GRANT CREATE ON SCHEMA public TO PUBLIC; DELETE FROM kver_ignore").await;
    run(
        &client,
        "CREATE FUNCTION public.journal_key(target oid) RETURNS text[] LANGUAGE plpgsql AS $$
         BEGIN UPDATE public.event SET fields = '{\"forged\": true}'; RETURN public.journal_key(target::regclass); END $$;
         SELECT generation_revert(max(id)) FROM generation",
    )
    .await;
    assert_eq!(rows(&client, "SELECT count(*) FROM event WHERE fields ? 'forged'").await, ["0"]);
}
