//! Rules for all tables and functions, checked in the catalog. They therefore apply to new tables
//! too.

use crate::support::{migrated, rows};

/// Expects that a query for violations of a rule returns no rows.
async fn assert_no_violations(rule: &str, sql: &str) {
    let database = migrated().await;
    let violations = rows(&database.client().await, sql).await;
    assert!(violations.is_empty(), "{rule}:\n{}", violations.join("\n"));
}

/// The journaled tables: those with a generated trigger function.
const JOURNALED: &str = "SELECT c.oid, c.relname FROM pg_class c
    JOIN pg_proc p ON p.proname = c.relname || '_record' AND p.pronamespace = c.relnamespace
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'";

#[tokio::test]
async fn fifteen_tables_are_journaled() {
    let database = migrated().await;
    let tables = rows(
        &database.client().await,
        &format!("SELECT relname FROM ({JOURNALED}) j ORDER BY 1"),
    )
    .await;
    let seed = "cust_cluster cust_cluster_type cust_host_kver distro kver kver_fetched kver_ignore kver_package kver_seen \
                sp_available_kver sp_build sp_build_kver sp_test sp_test_kver sp_test_result";
    assert_eq!(tables.join(" "), seed);
}

#[tokio::test]
async fn each_journaled_table_has_four_enabled_triggers() {
    assert_no_violations(
        "triggers",
        &format!(
            "SELECT j.relname, w.suffix FROM ({JOURNALED}) j
             CROSS JOIN (VALUES ('', 4), ('_update', 16), ('_delete', 8), ('_truncate', 34)) AS w (suffix, tgtype)
             WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = j.oid AND t.tgname = j.relname || '_record_trigger' || w.suffix
                               AND t.tgtype = w.tgtype AND t.tgenabled = 'O')"
        ),
    )
    .await;
}

#[tokio::test]
async fn each_trigger_function_records_every_column_of_its_table() {
    assert_no_violations(
        "columns in the journal",
        &format!(
            "SELECT j.relname, a.attname FROM ({JOURNALED}) j JOIN pg_attribute a ON a.attrelid = j.oid AND a.attnum > 0 AND NOT a.attisdropped
             JOIN pg_proc p ON p.proname = j.relname || '_record'
             WHERE position(quote_literal(a.attname) || ', n.' || quote_ident(a.attname) IN p.prosrc) = 0"
        ),
    )
    .await;
}

#[tokio::test]
async fn each_table_view_column_and_function_has_a_comment() {
    assert_no_violations(
        "comments of tables and columns",
        "SELECT c.relname, coalesce(a.attname, '(the table)') FROM pg_class c
         LEFT JOIN LATERAL (SELECT NULL::name AS attname, 0 AS attnum UNION ALL
                            SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a ON true
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
           AND NOT EXISTS (SELECT FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum)",
    )
    .await;
    assert_no_violations(
        "comments of functions",
        "SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL",
    )
    .await;
}

#[tokio::test]
async fn unreferenced_soft_deleted_tables_have_an_id_and_deleted_at_in_the_key() {
    assert_no_violations(
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
async fn each_text_key_has_a_check_constraint_or_a_foreign_key() {
    assert_no_violations(
        "text keys",
        "SELECT c.relname, a.attname FROM pg_class c
         JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u')
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey) AND a.atttypid = 'text'::regtype
         WHERE c.relnamespace = 'public'::regnamespace
           AND c.relname NOT IN ('kver_ignored', 'kver_package', 'schema_function', 'kver_state', 'kver_state_count', 'host_state',
                                 'host_state_count', 'journal_start')  -- written only by sqern, from checked keys
           AND NOT EXISTS (SELECT FROM pg_constraint r WHERE r.conrelid = c.oid AND a.attnum = ANY (r.conkey)
                           AND (r.contype = 'f' OR r.contype = 'c' AND r.conname = c.relname || '_' || a.attname || '_check'))",
    )
    .await;
}

#[tokio::test]
async fn each_foreign_key_has_an_index_on_its_columns() {
    assert_no_violations(
        "indexes for foreign keys",
        "SELECT f.conrelid::regclass, f.conname FROM pg_constraint f
         WHERE f.contype = 'f' AND f.connamespace = 'public'::regnamespace
           AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = f.conrelid
                           AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] = f.conkey)
           AND f.conname <> 'cust_cluster_cltype_fkey'  -- 6 types that are never removed",
    )
    .await;
}

#[tokio::test]
async fn each_function_has_a_fixed_search_path_and_no_public_privilege() {
    // Names in a BEGIN ATOMIC body are resolved at creation. An aggregate contains no names.
    assert_no_violations(
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
async fn sqern_admin_owns_all_objects_and_readers_can_read_them() {
    assert_no_violations(
        "owners",
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
           AND (pg_get_userbyid(c.relowner) <> 'sqern_admin' OR NOT has_table_privilege('sqern_reader', c.oid, 'SELECT')
                OR NOT has_table_privilege('sqern_writer', c.oid, 'SELECT'))
         UNION ALL
         SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) <> 'sqern_admin'",
    )
    .await;
}
