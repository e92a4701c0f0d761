//! Rules that every table keeps, asked of the catalog: a table that comes later is held to them too.

use crate::support::{migrated, rows};

/// The rows of a query that lists what breaks a rule.
async fn nothing_breaks(rule: &str, sql: &str) {
    let database = migrated().await;
    let broken = rows(&database.client().await, sql).await;
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

/// The tables that the journal covers, as the catalog knows them: those with a trigger function written for them.
const JOURNALLED: &str = "SELECT c.oid, c.relname FROM pg_class c
    JOIN pg_proc p ON p.proname = c.relname || '_record' AND p.pronamespace = c.relnamespace
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'";

#[tokio::test]
async fn thirteen_tables_are_journalled() {
    let database = migrated().await;
    let tables = rows(&database.client().await, &format!("SELECT relname FROM ({JOURNALLED}) j ORDER BY 1")).await;
    let seed = "cust_cluster cust_host_kver distro kver kver_fetched kver_ignore kver_seen sp_available_kver sp_build \
                sp_build_kver sp_test sp_test_kver sp_test_result";
    assert_eq!(tables.join(" "), seed);
}

#[tokio::test]
async fn each_journalled_table_has_its_four_triggers_and_they_are_on() {
    nothing_breaks(
        "triggers",
        &format!(
            "SELECT j.relname, w.suffix FROM ({JOURNALLED}) j
             CROSS JOIN (VALUES ('', 4), ('_update', 16), ('_delete', 8), ('_truncate', 34)) AS w (suffix, tgtype)
             WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = j.oid AND t.tgname = j.relname || '_record_trigger' || w.suffix
                               AND t.tgtype = w.tgtype AND t.tgenabled = 'O')"
        ),
    )
    .await;
}

#[tokio::test]
async fn each_trigger_function_names_every_column_of_its_table() {
    nothing_breaks(
        "columns in the journal",
        &format!(
            "SELECT j.relname, a.attname FROM ({JOURNALLED}) j JOIN pg_attribute a ON a.attrelid = j.oid AND a.attnum > 0 AND NOT a.attisdropped
             JOIN pg_proc p ON p.proname = j.relname || '_record'
             WHERE position(quote_literal(a.attname) || ', n.' || quote_ident(a.attname) IN p.prosrc) = 0"
        ),
    )
    .await;
}

#[tokio::test]
async fn each_table_view_column_and_function_has_a_comment() {
    nothing_breaks(
        "comments of tables and columns",
        "SELECT c.relname, coalesce(a.attname, '(the table)') FROM pg_class c
         LEFT JOIN LATERAL (SELECT NULL::name AS attname, 0 AS attnum UNION ALL
                            SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a ON true
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
           AND NOT EXISTS (SELECT FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum)",
    )
    .await;
    nothing_breaks(
        "comments of functions",
        "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL",
    )
    .await;
}

#[tokio::test]
async fn each_soft_deleted_table_that_nothing_references_has_deleted_at_in_its_key_and_an_id() {
    nothing_breaks(
        "soft deletion",
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'deleted_at'
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
           AND NOT (
               a.attnotnull AND pg_get_expr((SELECT adbin FROM pg_attrdef WHERE adrelid = c.oid AND adnum = a.attnum), c.oid)
                   = '''-infinity''::timestamp with time zone'
               AND (EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid)
                    OR EXISTS (SELECT FROM pg_constraint u WHERE u.contype = 'u' AND u.conrelid = c.oid AND a.attnum = ANY (u.conkey))
                       AND EXISTS (SELECT FROM pg_attribute i WHERE i.attrelid = c.oid AND i.attname = 'id' AND i.attidentity = 'a'))
           )",
    )
    .await;
}

#[tokio::test]
async fn each_text_key_is_checked_itself_or_through_what_it_references() {
    nothing_breaks(
        "text keys",
        "SELECT c.relname, a.attname FROM pg_class c
         JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u')
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey) AND a.atttypid = 'text'::regtype
         WHERE c.relnamespace = 'public'::regnamespace
           AND c.relname NOT IN ('kver_ignored', 'kver_package', 'schema_function')  -- written by us alone, from keys that were checked
           AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.conrelid = c.oid AND a.attnum = ANY (r.conkey)
                           AND (r.contype = 'f' OR r.contype = 'c' AND r.conname = c.relname || '_' || a.attname || '_check'))",
    )
    .await;
}

#[tokio::test]
async fn each_foreign_key_can_be_followed_back_through_an_index() {
    nothing_breaks(
        "indexes for foreign keys",
        "SELECT f.conrelid::regclass, f.conname FROM pg_constraint f
         WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace
           AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = f.conrelid
                           AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] = f.conkey)
           AND f.conname <> 'cust_cluster_cltype_fkey'  -- six types that are never removed",
    )
    .await;
}

#[tokio::test]
async fn each_function_is_bound_to_what_it_names_and_not_open_to_all() {
    // By a fixed search_path, or by a body whose names were bound when it was made; an aggregate has no names of its own.
    nothing_breaks(
        "functions",
        "SELECT oid::regprocedure FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace
           AND (NOT (coalesce(proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']
                     OR NOT prosecdef AND prosqlbody IS NOT NULL OR prokind = 'a')
                OR EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0))",
    )
    .await;
}

#[tokio::test]
async fn everything_belongs_to_sqern_admin_and_readers_may_read_all_of_it() {
    nothing_breaks(
        "owners",
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
           AND (pg_get_userbyid(c.relowner) <> 'sqern_admin' OR NOT has_table_privilege('sqern_reader', c.oid, 'SELECT')
                OR NOT has_table_privilege('sqern_writer', c.oid, 'SELECT'))
         UNION ALL
         SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) <> 'sqern_admin'",
    )
    .await;
}
