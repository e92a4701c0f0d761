//! The roles that `migrate` creates, and the privileges that it requires. Roles belong to a
//! cluster, so each test uses a separate server.

use sqern_db::DbError;
use sqern_db::migrate::{latest_version, migrate, require_usable};
use sqern_testkit::DATABASE;
use sqern_testkit::TestServer;
use tokio_postgres::Client;

use crate::support::{rows, run, value};

/// Returns a server with these roles and databases.
async fn server(setup: &[&str]) -> TestServer {
    let server = TestServer::with_settings(&[]).await;
    let admin = server.connect(DATABASE).await;
    for statement in setup {
        run(&admin, statement).await;
    }
    server
}

/// Connects to `database` as `role`, with the privileges of a session that logged in as this role.
async fn session(server: &TestServer, database: &str, role: &str) -> Client {
    let client = server.connect(database).await;
    run(&client, &format!("SET SESSION AUTHORIZATION {role}")).await;
    client
}

async fn migrate_to(client: &mut Client, version: i32) {
    migrate(client, Some(version), false)
        .await
        .unwrap_or_else(|error| panic!("to version {version}: {error:?}"));
}

/// Returns the roles of sqern in the cluster.
async fn roles(client: &Client) -> Vec<String> {
    rows(
        client,
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'sqern\\_%' ORDER BY rolname",
    )
    .await
}

/// Expects `migrate` to be refused without a change, and returns the commands of the hint.
async fn commands_of_the_hint(client: &mut Client) -> Vec<String> {
    let before = roles(client).await;
    let error = migrate(client, None, false)
        .await
        .expect_err("a privilege is missing");
    let text = error.to_string();
    assert!(
        text.starts_with("permission denied to migrate database \"d\" as role \""),
        "{text}"
    );
    assert_eq!(roles(client).await, before, "no role was created");
    assert_eq!(
        value(
            client,
            "SELECT to_regclass('public.schema_migration') IS NULL"
        )
        .await,
        "t"
    );
    let hint = error.hint().expect("a hint");
    let commands = hint
        .strip_prefix("A superuser must run in this database: ")
        .expect(&hint);
    let commands = commands
        .strip_suffix(". Then run sqern db migrate again.")
        .expect(&hint);
    commands.split("; ").map(str::to_owned).collect()
}

const OWNER: &[&str] = &[
    "CREATE ROLE dba LOGIN CREATEROLE",
    "CREATE DATABASE d OWNER dba",
    "CREATE DATABASE e OWNER dba",
];

#[tokio::test]
async fn a_createrole_owner_migrates_several_databases_up_and_down() {
    let server = server(OWNER).await;
    let (mut d, mut e) = (
        session(&server, "d", "dba").await,
        session(&server, "e", "dba").await,
    );
    migrate_to(&mut d, latest_version()).await;
    migrate_to(&mut e, latest_version()).await;
    require_usable(&e).await.unwrap();
    let comment =
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'sqern_reader'";
    assert_eq!(value(&d, comment).await, "sqern: can read all data");

    // Only a superuser can revoke privileges on functions of PostgreSQL.
    let functions = sqern_db::doctor::large_object_functions(&d).await.unwrap();
    assert!(
        functions.contains(&"lo_create(oid)".to_owned()),
        "{functions:?}"
    );
    for rule in sqern_db::check::check_quickly(&d).await.unwrap() {
        assert_eq!(rule.problems, [""; 0], "{}", rule.rule);
    }
    migrate_to(&mut d, 0).await;
    assert_eq!(roles(&d).await.len(), 4, "the other database needs them");
    migrate_to(&mut d, latest_version()).await;
    migrate_to(&mut d, 0).await;
    migrate_to(&mut e, 0).await;
    assert_eq!(roles(&d).await, Vec::<String>::new());
    migrate_to(&mut d, latest_version()).await;
    require_usable(&d).await.unwrap();
    run(&d, "INSERT INTO distro VALUES ('d', 'D')").await;
}

#[tokio::test]
async fn two_databases_of_one_owner_migrate_at_the_same_time() {
    let server = server(OWNER).await;
    let (mut d, mut e) = (
        session(&server, "d", "dba").await,
        session(&server, "e", "dba").await,
    );
    let (first, second) = tokio::join!(migrate(&mut d, None, false), migrate(&mut e, None, false));
    first.unwrap();
    second.unwrap();
    require_usable(&d).await.unwrap();
    require_usable(&e).await.unwrap();
}

#[tokio::test]
async fn a_later_login_of_a_createrole_owner_can_continue() {
    let server = server(OWNER).await;
    migrate_to(&mut session(&server, "d", "dba").await, 3).await;
    let mut later = session(&server, "d", "dba").await;
    migrate_to(&mut later, latest_version()).await;
    require_usable(&later).await.unwrap();
}

#[tokio::test]
async fn a_role_with_only_admin_option_grants_itself_the_other_options() {
    let server = server(&[
        "CREATE ROLE dba LOGIN CREATEROLE",
        "CREATE DATABASE d OWNER dba",
    ])
    .await;
    // On PostgreSQL 16 and later this leaves dba with ADMIN OPTION, without SET and INHERIT.
    let mut client = session(&server, "d", "dba").await;
    run(
        &client,
        "CREATE ROLE sqern_admin; CREATE ROLE sqern_writer; CREATE ROLE sqern_reader",
    )
    .await;
    migrate_to(&mut client, latest_version()).await;
    require_usable(&client).await.unwrap();
}

#[tokio::test]
async fn a_member_of_sqern_admin_migrates_without_createrole() {
    let server = server(&[
        "CREATE DATABASE first",
        "CREATE ROLE owner LOGIN",
        "CREATE DATABASE d OWNER owner",
    ])
    .await;
    let mut admin = server.connect("first").await;
    migrate_to(&mut admin, latest_version()).await;
    run(&admin, "GRANT sqern_admin TO owner").await;
    let mut client = session(&server, "d", "owner").await;
    migrate_to(&mut client, latest_version()).await;
    require_usable(&client).await.unwrap();
    migrate_to(&mut client, 0).await;
    migrate_to(&mut client, latest_version()).await;
}

#[tokio::test]
async fn a_superuser_does_not_become_a_member_of_sqern_admin() {
    let server = server(&["CREATE DATABASE d"]).await;
    let mut client = server.connect("d").await;
    migrate_to(&mut client, latest_version()).await;
    assert_eq!(
        rows(
            &client,
            "SELECT FROM pg_auth_members WHERE roleid = 'sqern_admin'::regrole"
        )
        .await
        .len(),
        0
    );
}

#[tokio::test]
async fn the_hint_lists_missing_privileges_of_an_owner_without_createrole() {
    let server = server(&[
        "CREATE ROLE \"O'x\" LOGIN",
        "CREATE DATABASE d OWNER \"O'x\"",
    ])
    .await;
    let mut client = session(&server, "d", "\"O'x\"").await;
    let commands = commands_of_the_hint(&mut client).await;
    assert_eq!(commands.len(), 6, "{commands:?}");
    run(&server.connect("d").await, &commands.join(";")).await;
    migrate_to(&mut client, latest_version()).await;
    require_usable(&client).await.unwrap();
}

#[tokio::test]
async fn the_hint_lists_missing_privileges_of_another_role() {
    // The schema public belongs to a superuser in a database that was upgraded from PostgreSQL 14.
    let server = server(&[
        "CREATE ROLE other LOGIN",
        "CREATE DATABASE d",
        "CREATE DATABASE first",
    ])
    .await;
    migrate_to(&mut server.connect("first").await, latest_version()).await;
    let admin = server.connect("d").await;
    run(&admin, "ALTER SCHEMA public OWNER TO sqern").await;
    let mut client = session(&server, "d", "other").await;
    let commands = commands_of_the_hint(&mut client).await;
    assert!(
        commands[0].starts_with("GRANT sqern_admin TO other"),
        "{commands:?}"
    );
    let owners = [
        "ALTER DATABASE d OWNER TO other",
        "ALTER SCHEMA public OWNER TO pg_database_owner",
    ];
    assert_eq!(commands[1..], owners);
    run(&admin, &commands.join(";")).await;
    migrate_to(&mut client, latest_version()).await;
    require_usable(&client).await.unwrap();
}

#[tokio::test]
async fn createrole_does_not_suffice_for_roles_of_others_since_version_16() {
    let server = server(&[
        "CREATE DATABASE first",
        "CREATE ROLE dba LOGIN CREATEROLE",
        "CREATE DATABASE d OWNER dba",
    ])
    .await;
    let mut admin = server.connect("first").await;
    migrate_to(&mut admin, latest_version()).await;
    let mut client = session(&server, "d", "dba").await;
    if value(
        &client,
        "SELECT current_setting('server_version_num')::int < 160000",
    )
    .await
        == "t"
    {
        migrate_to(&mut client, latest_version()).await;
        return;
    }
    let commands = commands_of_the_hint(&mut client).await;
    assert_eq!(
        commands,
        ["GRANT sqern_admin TO dba WITH INHERIT TRUE, SET TRUE"]
    );
    run(&admin, &commands.join(";")).await;
    migrate_to(&mut client, latest_version()).await;
}

#[tokio::test]
async fn a_dry_run_needs_no_privileges() {
    let server = server(&["CREATE ROLE other LOGIN", "CREATE DATABASE d"]).await;
    let mut client = session(&server, "d", "other").await;
    let planned = migrate(&mut client, None, true).await.unwrap();
    assert_eq!(
        planned.len(),
        usize::try_from(latest_version()).unwrap() + 1
    );
    assert!(matches!(
        migrate(&mut client, None, false).await,
        Err(DbError::Postgres(_))
    ));
}
