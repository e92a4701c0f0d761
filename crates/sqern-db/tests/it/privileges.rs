//! Privileges of each role, tested with statements of the role.

use sqern_db::migrate::{Step, migrate};
use tokio_postgres::Client;

use crate::support::{migrated, refused, rows, run, value};

const DATA: &str = "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1');";

#[tokio::test]
async fn a_writer_writes_data_and_its_changes_are_journaled() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "SET ROLE sqern_writer").await;
    run(
        &client,
        &format!(
            "BEGIN; SELECT generation_start('as a writer'); {DATA} UPDATE kver SET archived = true;
        INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%'); SELECT generation_drop_empty_current(); COMMIT"
        ),
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT count(*), count(DISTINCT generation) FROM event"
        )
        .await,
        ["4 1"]
    );
}

/// Statements that write what `sqern fetch` and the next crawl trust.
const CRAWL_STATEMENTS: [&str; 9] = [
    "INSERT INTO crawl (distro, source, started_at, finished_at, state, url, bytes, kernels) VALUES ('d', 's', now(), now(), 'complete', 'u', 0, 0)",
    "UPDATE crawl SET state = 'unchanged', warnings = ARRAY['w']",
    "INSERT INTO kver_package (distro, version, source, role, name, package_version, architecture, url, size_bytes, checksum)
        VALUES ('d', '1', 's', 'headers', 'linux-headers', '1', 'amd64', 'http://h/p', 1, repeat('a', 64))",
    "UPDATE kver_package SET url = 'http://h/q'",
    "INSERT INTO crawl_file (distro, source, url, etag, body) VALUES ('d', 's', 'http://h/InRelease', 'e', 'x')",
    "DELETE FROM crawl_file",
    "INSERT INTO crawl_index (distro, source, name, checksum, entries) VALUES ('d', 's', 'Packages', 'c', '[]')",
    "UPDATE crawl_index SET entries = '[{}]'",
    "DELETE FROM crawl_index",
];

#[tokio::test]
async fn a_crawler_writes_packages_and_crawls_and_a_writer_does_not() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(&client, "SET ROLE sqern_writer").await;
    for statement in CRAWL_STATEMENTS {
        let message = refused(&client, statement).await;
        assert!(
            message.contains("permission denied for table"),
            "{statement}: {message}"
        );
    }
    run(&client, "SET ROLE sqern_crawler").await;
    for statement in CRAWL_STATEMENTS {
        run(&client, statement).await;
    }
    run(&client, "UPDATE kver SET archived = true").await;
    for statement in [
        "DELETE FROM kver_package",
        "DELETE FROM crawl",
        "DELETE FROM event",
    ] {
        let message = refused(&client, statement).await;
        assert!(message.contains("permission denied for table"), "{message}");
    }
}

#[tokio::test]
async fn a_writer_can_neither_rename_nor_revert_packages() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(&client, "INSERT INTO kver VALUES ('d', 'without-packages')").await;
    run(&client, "SET ROLE sqern_writer").await;
    run(&client, "INSERT INTO kver VALUES ('d', 'by-writer')").await;
    run(&client, "SET ROLE sqern_crawler").await;
    for statement in CRAWL_STATEMENTS {
        run(&client, statement).await;
    }
    run(
        &client,
        "INSERT INTO kver_package (distro, version, source, role, name, package_version, architecture, url, size_bytes, checksum)
            VALUES ('d', 'by-writer', 's', 'headers', 'linux-headers', '1', 'amd64', 'http://h/p', 1, repeat('a', 64))",
    )
    .await;
    let revert_kernel = rows(
        &client,
        "SELECT format('SELECT generation_revert(%s)', generation) FROM event WHERE table_name = 'kver' AND pkey ->> 'version' = 'by-writer'",
    )
    .await
    .remove(0);
    let revert = rows(
        &client,
        "SELECT format('SELECT generation_revert(%s)', min(generation)) FROM event WHERE table_name = 'kver_package' AND action = 'update'",
    )
    .await
    .remove(0);
    let packages = rows(&client, "SELECT * FROM kver_package").await;
    run(&client, "SET ROLE sqern_writer").await;
    for (statement, reason) in [
        (
            "UPDATE kver SET version = 'renamed' WHERE version = '1'",
            "kver_package_kver_fkey",
        ),
        ("UPDATE distro SET name = 'renamed'", "_fkey"),
        // The deletion of a kernel does not delete its packages.
        (&revert_kernel, "referenced by 1 row of table kver_package"),
        (
            &revert,
            "role \"sqern_writer\" cannot write to table kver_package",
        ),
    ] {
        let message = refused(&client, statement).await;
        assert!(message.contains(reason), "{statement}: {message}");
    }
    assert_eq!(rows(&client, "SELECT * FROM kver_package").await, packages);
    run(
        &client,
        "UPDATE kver SET version = 'renamed' WHERE version = 'without-packages'",
    )
    .await;
    run(&client, "RESET ROLE").await;
    for foreign_key in ["kver_package", "crawl", "crawl_file", "crawl_index"] {
        let query = format!(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND confupdtype <> 'a' AND conrelid = '{foreign_key}'::regclass"
        );
        assert_eq!(rows(&client, &query).await, ["0"], "{foreign_key}");
    }
    run(&client, "SET ROLE sqern_crawler").await;
    run(&client, &revert).await;
}

#[tokio::test]
async fn a_writer_cannot_change_the_journal_or_delete_data() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(&client, "SET ROLE sqern_writer").await;
    for statement in [
        "INSERT INTO event (generation, table_name, action, pkey, fields) VALUES (1, 'kver', 'insert', '{}', '{}')",
        "UPDATE event SET generation = 2",
        "DELETE FROM event",
        "TRUNCATE event",
        "INSERT INTO generation (comment) VALUES ('forged')",
        "UPDATE generation SET comment = 'forged'",
        "DELETE FROM generation",
        "TRUNCATE generation",
        "DELETE FROM kver",
        "TRUNCATE kver CASCADE",
        "INSERT INTO kver_ignored VALUES ('d', '1')",
        "DELETE FROM kver_ignored",
        "DELETE FROM schema_migration",
        "ALTER TABLE kver DISABLE TRIGGER ALL",
        "DROP TRIGGER kver_record_trigger ON kver",
        "SET session_replication_role = replica",
        "CREATE TABLE public.mine ()",
        "SELECT journal_attach('kver')",
    ] {
        let message = refused(&client, statement).await;
        assert!(
            message.contains("permission denied") || message.contains("must be owner"),
            "{statement}: {message}"
        );
    }
}

#[tokio::test]
async fn a_reader_reads_everything_and_changes_nothing() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(&client, "SET ROLE sqern_reader").await;
    run(&client, "SELECT FROM kver_not_ignored, event, generation, crawl, kver_package; SELECT generation_id_if_assigned()")
        .await;
    let mut checked = sqern_db::check::check(&client).await.unwrap();
    checked.extend(sqern_db::check::check_since(&client, 0).await.unwrap());
    for rule in checked {
        assert_eq!(rule.problems, [""; 0], "{}", rule.rule);
    }
    for statement in [
        "INSERT INTO distro VALUES ('e', 'E')",
        "UPDATE kver SET archived = true",
        "DELETE FROM kver",
        "SELECT generation_start('x')",
    ] {
        assert!(
            refused(&client, statement)
                .await
                .contains("permission denied"),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn tables_that_come_first_in_the_search_path_are_not_used() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(
        &client,
        "SET ROLE sqern_writer; CREATE TEMPORARY TABLE event (LIKE public.event INCLUDING ALL); CREATE TEMPORARY TABLE generation (LIKE public.generation INCLUDING ALL);
         CREATE TEMPORARY TABLE kver_ignored (distro text, version text); SET search_path = pg_temp, public;
         INSERT INTO kver VALUES ('d', 'shadow'); INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'sha%')",
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT count(*) FROM public.event WHERE pkey ->> 'version' = 'shadow'"
        )
        .await,
        ["1"]
    );
    assert_eq!(
        rows(&client, "SELECT version FROM public.kver_ignored").await,
        ["shadow"]
    );
    assert_eq!(
        rows(
            &client,
            "SELECT (SELECT count(*) FROM pg_temp.event), (SELECT count(*) FROM pg_temp.generation)"
        )
        .await,
        ["0 0"]
    );
}

#[tokio::test]
async fn only_writers_can_lock_a_table_and_the_holder_is_named() {
    let database = migrated().await;
    let (holder, other) = (database.client().await, database.client().await);
    run(&other, "SET SESSION AUTHORIZATION sqern_reader").await;
    for statement in [
        "SELECT lock_table('crawl')",
        "DO 'BEGIN LOCK TABLE crawl IN SHARE ROW EXCLUSIVE MODE; END'",
    ] {
        assert!(
            refused(&other, statement)
                .await
                .contains("permission denied"),
            "{statement}"
        );
    }
    run(
        &holder,
        "SET application_name = 'nightly'; BEGIN; SELECT lock_table('crawl')",
    )
    .await;
    let pid = value(&holder, "SELECT pg_backend_pid()").await;
    run(
        &other,
        "RESET SESSION AUTHORIZATION; SET lock_timeout = '7s'",
    )
    .await;
    let error = other
        .batch_execute("BEGIN; SELECT lock_table('crawl', 1)")
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.message(), "could not lock table crawl within 1 s");
    assert_eq!(
        error.detail(),
        Some(format!("It is locked by process {pid} (user sqern, application nightly).").as_str())
    );
    run(&holder, "COMMIT").await;
    run(&other, "ROLLBACK; BEGIN; SELECT lock_table('crawl', 1)").await;
    assert_eq!(value(&other, "SHOW lock_timeout").await, "7s");
}

/// The state after `pg_restore --no-owner --no-privileges`.
#[tokio::test]
async fn lost_owners_and_privileges_are_reported_and_restored() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(
        &client,
        "DO $$
         DECLARE
             command text;
         BEGIN
             FOR command IN
                 SELECT format('ALTER TABLE %s OWNER TO %I; REVOKE ALL ON %1$s FROM sqern_reader, sqern_writer', oid::regclass, current_user)
                 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
                 UNION ALL
                 SELECT format('ALTER ROUTINE %s OWNER TO %I; REVOKE ALL ON ROUTINE %1$s FROM sqern_reader, sqern_writer;
                                GRANT EXECUTE ON ROUTINE %1$s TO PUBLIC', oid::regprocedure, current_user)
                 FROM pg_proc WHERE pronamespace = 'public'::regnamespace
             LOOP
                 EXECUTE command;
             END LOOP;
             EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC, sqern_reader, sqern_writer', current_database());
             EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
         END
         $$",
    )
    .await;
    let problems = async |client: &Client| -> Vec<String> {
        let checked = sqern_db::check::check_quickly(client).await.unwrap();
        checked.into_iter().flat_map(|rule| rule.problems).collect()
    };
    let found = problems(&client).await.join("\n");
    for expected in [
        "owned by sqern instead of sqern_admin: cust_cluster, cust_cluster_type, cust_host_kver, distro, event",
        "owned by sqern instead of sqern_admin: functions build_kver_results(text,text,text)",
        "all roles can execute functions ",
        " generation_id(),",
        "role sqern_writer lacks privilege CONNECT on database ",
        "every role can create temporary tables in database ",
        "role sqern_writer lacks privilege TEMPORARY on database ",
    ] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let planned = migrate(&mut client, None, true).await.unwrap();
    assert!(
        matches!(&planned[..], [Step::Privileges { problems }] if !problems.is_empty()),
        "{planned:?}"
    );
    assert_eq!(migrate(&mut client, None, false).await.unwrap(), planned);
    assert_eq!(problems(&client).await, [""; 0]);
    assert_eq!(migrate(&mut client, None, false).await.unwrap(), []);
    run(&client, "SET ROLE sqern_writer").await;
    run(&client, DATA).await;
}

#[tokio::test]
async fn a_missing_or_additional_privilege_is_reported() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "GRANT UPDATE ON event TO sqern_writer; GRANT SELECT ON kver TO PUBLIC; REVOKE SELECT ON kver_status FROM sqern_reader;
         REVOKE INSERT (distro) ON kver_ignore FROM sqern_writer",
    )
    .await;
    let checked = sqern_db::check::check_quickly(&client).await.unwrap();
    let mut problems: Vec<String> = checked.into_iter().flat_map(|rule| rule.problems).collect();
    problems.sort();
    assert_eq!(
        problems,
        [
            "role PUBLIC has privilege SELECT on table kver",
            "role sqern_reader lacks privilege SELECT on table kver_status",
            "role sqern_writer has privilege UPDATE on table event",
            "role sqern_writer lacks privilege INSERT on table kver_ignore"
        ]
    );
}

/// A later build would otherwise get an ID that is already used.
#[tokio::test]
async fn a_writer_cannot_choose_the_id_of_a_row() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(&client, "SET ROLE sqern_writer").await;
    for statement in [
        "INSERT INTO sp_build (id, jenkins_job) OVERRIDING SYSTEM VALUE VALUES (9223372036854775807, 'j')",
        "INSERT INTO kver_ignore (id, distro, pattern) OVERRIDING SYSTEM VALUE VALUES (7, 'd', 'x')",
        "COPY sp_build (id, jenkins_job) FROM STDIN",
    ] {
        let message = refused(&client, statement).await;
        assert!(message.contains("permission denied"), "{message}");
    }
    run(
        &client,
        "INSERT INTO sp_build (jenkins_job) VALUES ('j'); INSERT INTO sp_build DEFAULT VALUES;
         INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'x')",
    )
    .await;
}

/// Temporary tables can fill the disk, and every dump contains large objects.
#[tokio::test]
async fn a_reader_cannot_store_data() {
    let database = migrated().await;
    let mut client = database.client().await;
    let store = [
        "CREATE TEMPORARY TABLE t (v text)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_create(0)",
        "SELECT lo_creat(-1)",
        "SELECT lo_import('/etc/hostname')",
        "SELECT lo_put(1, 0, 'x')",
    ];
    let reader = format!("reader_{}", database.name());
    run(
        &client,
        &format!("CREATE ROLE {reader} IN ROLE sqern_reader; SET SESSION AUTHORIZATION {reader}"),
    )
    .await;
    for statement in store {
        let message = refused(&client, statement).await;
        assert!(
            message.contains("permission denied"),
            "{statement}: {message}"
        );
    }
    run(
        &client,
        &format!("SET SESSION AUTHORIZATION sqern; DROP ROLE {reader}"),
    )
    .await;

    // The earlier schema permits both, and the next migration revokes the privileges again.
    migrate(&mut client, Some(13), false).await.unwrap();
    run(
        &client,
        "SET ROLE sqern_reader; CREATE TEMPORARY TABLE t (v text); SELECT lo_create(0) FROM generate_series(1, 2); RESET ROLE",
    )
    .await;
    migrate(&mut client, None, false).await.unwrap();
    run(&client, "SET ROLE sqern_reader").await;
    for statement in store {
        let message = refused(&client, &statement.replace("TABLE t", "TABLE u")).await;
        assert!(
            message.contains("permission denied"),
            "{statement}: {message}"
        );
    }
    run(&client, "RESET ROLE").await;
    let problems = async |client: &Client| -> Vec<String> {
        let checked = sqern_db::check::check_quickly(client).await.unwrap();
        checked.into_iter().flat_map(|rule| rule.problems).collect()
    };
    let remove = "SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE lomowner = 'sqern_reader'::regrole";
    assert_eq!(
        problems(&client).await,
        [format!(
            "role sqern_reader has stored 2 large objects (to remove them: {remove})"
        )]
    );
    run(&client, remove).await;
    assert_eq!(problems(&client).await, [""; 0]);
    assert_eq!(
        sqern_db::doctor::large_object_functions(&client)
            .await
            .unwrap(),
        [""; 0]
    );
}
