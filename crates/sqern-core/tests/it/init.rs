//! Initialization of a database.

use pg_connect::{ConnectEnv, ConnectRequest, DefaultServer};
use sqern_core::init::{InitOutcome, InitRequest, init, uses_private_server};
use sqern_core::{ChangeOptions, Database, Error, Silent};
use sqern_db::distro::NewDistro;
use sqern_testkit::{TestDatabase, TestServer};
use tokio_util::sync::CancellationToken;

fn request(database: &TestDatabase) -> InitRequest {
    let connection = ConnectRequest {
        service: None,
        dsn: Some(database.dsn()),
    };
    let debian = NewDistro {
        name: "debian12".parse().unwrap(),
        variant: "DEBIAN12".to_owned(),
        supported: true,
    };
    InitRequest {
        database: Database {
            request: connection,
            env: ConnectEnv::default(),
        },
        private_server: None,
        distros: vec![debian],
    }
}

async fn run(request: &InitRequest, dry_run: bool) -> Result<InitOutcome, Error> {
    let options = ChangeOptions {
        dry_run,
        ..ChangeOptions::committed("a test")
    };
    init(request, &options, &Silent, &CancellationToken::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_is_initialized_once() {
    let database = TestServer::shared().await.database("init").await;
    let request = request(&database);
    let latest = sqern_db::migrate::latest_version();

    let planned = run(&request, true).await.unwrap();
    assert_eq!(
        (
            planned.schema_version,
            planned.distributions,
            planned.migrated.is_empty()
        ),
        (Some(0), None, false)
    );
    let first = run(&request, false).await.unwrap();
    assert_eq!(
        (first.schema_version, first.distributions),
        (Some(latest), Some(vec!["debian12".parse().unwrap()]))
    );
    let second = run(&request, false).await.unwrap();
    let unchanged = InitOutcome {
        server: None,
        schema_version: Some(latest),
        migrated: vec![],
        distributions: Some(vec![]),
    };
    assert_eq!(second, unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_initialization_is_interrupted() {
    let database = TestServer::shared().await.database("init").await;
    let stop = CancellationToken::new();
    stop.cancel();
    let options = ChangeOptions::committed("a test");
    let error = init(&request(&database), &options, &Silent, &stop)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error:?}");
}

#[test]
fn the_private_server_is_used_unless_another_one_is_named() {
    let database = |service: Option<&str>, dsn: Option<&str>, variables: &[(&str, &str)]| {
        let vars = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let default_server = Some(DefaultServer::new("the private server", || None));
        let request = ConnectRequest {
            service: service.map(str::to_owned),
            dsn: dsn.map(str::to_owned),
        };
        Database {
            request,
            env: ConnectEnv {
                vars,
                user_name: Some("me".to_owned()),
                default_server,
                ..ConnectEnv::default()
            },
        }
    };
    for (database, expected) in [
        (database(None, None, &[]), true),
        (database(Some("private"), None, &[]), true),
        (database(None, None, &[("PGSERVICE", "private")]), true),
        (
            database(Some("production"), None, &[("PGSERVICE", "private")]),
            false,
        ),
        (
            database(None, None, &[("PGHOST", "/run/postgresql")]),
            false,
        ),
        (database(None, Some("host=/run/postgresql"), &[]), false),
    ] {
        assert_eq!(
            uses_private_server(&database, Some("private")).unwrap(),
            expected,
            "{database:?}"
        );
    }
}
