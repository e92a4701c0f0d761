//! `sqern doctor` and `sqern --version`. Each problem is reported by its check with a hint, and
//! later checks still run.

use std::fs;

use serde_json::Value;
use sqern_testkit::TestServer;
use sqern_testkit::repo::{FileServer, RepoFault, ServerFault};

use crate::check::{sources, suite};
use crate::program::{Program, Ran};

/// Returns the name and the item of each finding, in the order of the output.
fn findings(ran: &Ran) -> Vec<(String, Value)> {
    let json: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(json["schema"], "sqern.doctor/1");
    let items = json["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| (item["check"].as_str().unwrap().to_owned(), item.clone()))
        .collect()
}

/// Returns the first finding of a check.
fn first_finding(ran: &Ran, check: &str) -> Value {
    let all = findings(ran);
    all.iter()
        .find(|(name, _)| name == check)
        .unwrap_or_else(|| panic!("no {check}: {ran:?}"))
        .1
        .clone()
}

/// Returns the state and hint of the first finding of a check.
fn state_and_hint(ran: &Ran, check: &str) -> (String, String) {
    let finding = first_finding(ran, check);
    let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("hint"))
}

/// Returns a program whose only supported distribution has one suite on this disk, checked now, and
/// the arguments of `sqern doctor`.
async fn healthy() -> (Program, Vec<String>) {
    let program = Program::new().await;
    let home = program.home.path();
    let repo = suite("bookworm", &["6.1.0-1"])
        .write(&home.join("archive"))
        .unwrap();
    let directory = home.join("sources");
    fs::create_dir(&directory).unwrap();
    sources(&directory, &[(&repo, &repo.file_url())]);
    let store = home.join("store");
    let arguments = [
        "doctor",
        "--json",
        "--sources",
        directory.to_str().unwrap(),
        "--store",
        store.to_str().unwrap(),
    ];
    let arguments = arguments.map(str::to_owned).to_vec();
    program.done(&["check", "--sources", directory.to_str().unwrap()]);
    (program, arguments)
}

/// Returns the arguments with further ones.
fn with_arguments<'a>(arguments: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    arguments
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect()
}

fn run(program: &Program, arguments: &[String], more: &[&str]) -> Ran {
    program.run(&with_arguments(arguments, more))
}

#[tokio::test]
async fn a_healthy_installation_is_ok_and_unchanged() {
    let (program, arguments) = healthy().await;
    let (journal, crawls) = (
        program.journal().await,
        program.value("SELECT count(*) FROM crawl").await,
    );
    let ran = run(&program, &arguments, &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let checks: Vec<String> = findings(&ran)
        .into_iter()
        // The methods of the sandbox depend on the machine.
        .filter(|(check, _)| check != "sandbox")
        .map(|(check, item)| format!("{check} {}", item["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        checks,
        [
            "connection ok",
            "server ok",
            "clock ok",
            "roles ok",
            "schema ok",
            "journal ok",
            "crawl ok",
            "sources ok",
            "keyring ok",
            "source ok",
            "program ok",
            "program ok",
            "store ok",
            "disk ok",
            "cache skipped",
        ]
    );
    assert_eq!(
        (
            program.journal().await,
            program.value("SELECT count(*) FROM crawl").await
        ),
        (journal, crawls)
    );
    assert!(
        !program.home.path().join("store").exists(),
        "no store is created"
    );

    let table = program.run(&["doctor", "--offline"]);
    assert!(
        table.stdout.starts_with("ok       connection: ") && table.stderr.contains(" ok, "),
        "{table:?}"
    );
    let csv = program.run(&["doctor", "--offline", "--csv"]);
    assert!(
        csv.stdout
            .starts_with("check,about,state,found,hint\nconnection,,ok,"),
        "{csv:?}"
    );
    let unknown = program.run(&["doctor", "--distro", "debian99"]);
    assert!(
        unknown.status == 1
            && unknown
                .stderr
                .contains("distribution \"debian99\" has no sources"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_distribution_that_is_not_in_the_database_is_a_warning() {
    let program = Program::new().await;
    let ran = program.run(&["doctor", "--offline", "--json", "--distro", "alma9"]);
    let crawl = first_finding(&ran, "crawl");
    assert_eq!(
        (&crawl["state"], &crawl["found"], &crawl["hint"]),
        (
            &"warning".into(),
            &"alma9: not in the database".into(),
            &"sqern distro import".into()
        ),
        "{ran:?}"
    );
}

#[tokio::test]
async fn other_checks_run_without_a_connection() {
    let (program, arguments) = healthy().await;
    let args = with_arguments(&arguments, &["--dsn", "host=/nonexistent"]);
    let ran = Ran::from(program.bare_command(&args).output().unwrap());
    assert_eq!(ran.status, 1);
    assert_eq!(state_and_hint(&ran, "connection").0, "failed");
    assert!(
        state_and_hint(&ran, "connection")
            .1
            .contains("sqern local up"),
        "{ran:?}"
    );
    for check in [
        "server", "schema", "roles", "journal", "crawl", "keyring", "source",
    ] {
        assert_eq!(state_and_hint(&ran, check).0, "skipped", "{check}");
    }
    assert_eq!(state_and_hint(&ran, "store").0, "ok");
    let args: Vec<&str> = args
        .iter()
        .copied()
        .chain(["--distro", "debian12"])
        .collect();
    let named = Ran::from(program.bare_command(&args).output().unwrap());
    assert_eq!(
        (
            state_and_hint(&named, "keyring").0,
            state_and_hint(&named, "source").0
        ),
        ("ok".into(), "ok".into())
    );
}

#[tokio::test]
async fn findings_are_wrapped_to_the_width_of_columns() {
    let program = Program::on(TestServer::shared().await.database("doctor").await);
    let store = program.home.path().join("store");
    let args = ["doctor", "--offline", "--store", store.to_str().unwrap()];
    let narrow = Ran::from(
        program
            .command(&args)
            .env("COLUMNS", "80")
            .output()
            .unwrap(),
    );
    assert!(
        narrow.stdout.contains("\nfailed   schema: ")
            && narrow
                .stdout
                .contains("\n         hint: sqern db migrate\n"),
        "{narrow:?}"
    );
    // Only paths and commands are not broken.
    let is_whole = |line: &str| line.starts_with("         hint: ") || !line[9..].contains(' ');
    assert!(
        narrow
            .stdout
            .lines()
            .all(|line| line.len() <= 80 || is_whole(line)),
        "{narrow:?}"
    );
    let wide = Ran::from(
        program
            .command(&args)
            .env("COLUMNS", "300")
            .output()
            .unwrap(),
    );
    assert!(wide.stdout.starts_with("CHECK "), "{wide:?}");
    let piped = program.run(&args);
    assert!(
        piped
            .stdout
            .lines()
            .any(|line| line == "failed   schema: database has no sqern schema"),
        "{piped:?}"
    );
}

#[tokio::test]
async fn a_missing_or_old_schema_fails_with_a_migration_hint() {
    let program = Program::on(TestServer::shared().await.database("doctor").await);
    let store = program.home.path().join("store");
    let doctor = [
        "doctor",
        "--offline",
        "--json",
        "--store",
        store.to_str().unwrap(),
    ];
    let ran = program.run(&doctor);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "schema")),
        (1, ("failed".into(), "sqern db migrate".into()))
    );
    assert_eq!(
        (
            state_and_hint(&ran, "journal").0,
            state_and_hint(&ran, "crawl").0
        ),
        ("skipped".into(), "skipped".into())
    );
    program.done(&["db", "migrate", "--to", "3"]);
    let ran = program.run(&doctor);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "schema")),
        (1, ("failed".into(), "sqern db migrate".into()))
    );
    program.done(&["db", "migrate"]);
    let ran = program.run(&doctor);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "schema").0),
        (0, "ok".into()),
        "{ran:?}"
    );
    assert_eq!(
        state_and_hint(&ran, "crawl"),
        ("warning".into(), "sqern distro import".into()),
        "a warning is not a failure"
    );
}

#[tokio::test]
async fn a_disabled_journal_trigger_fails() {
    let (program, arguments) = healthy().await;
    let client = program.database.client().await;
    client
        .batch_execute("ALTER TABLE kver DISABLE TRIGGER ALL")
        .await
        .unwrap();
    let ran = run(&program, &arguments, &[]);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "journal").0),
        (1, "failed".into())
    );
    assert!(
        first_finding(&ran, "journal")["found"]
            .as_str()
            .unwrap()
            .contains("table kver: trigger kver_record_trigger is disabled"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_user_without_a_role_fails_and_a_reader_is_a_warning() {
    let (program, arguments) = healthy().await;
    let client = program.database.client().await;
    let role = format!("doctor_{}", program.database.name());
    client
        .batch_execute(&format!("CREATE ROLE {role} LOGIN"))
        .await
        .unwrap();
    let run_doctor = || {
        let dsn = program
            .database
            .dsn()
            .replace("user=sqern", &format!("user={role}"));
        let args = with_arguments(&arguments, &["--offline"]);
        // Peer authentication of the private server accepts only its user, so the session changes
        // the role.
        let mut command = program.bare_command(&args);
        command.arg("--dsn").arg(dsn.replace(
            &format!("user={role}"),
            &format!("user=sqern options='-c role={role}'"),
        ));
        Ran::from(command.output().unwrap())
    };
    let ran = run_doctor();
    assert_eq!(
        (ran.status, state_and_hint(&ran, "roles").0),
        (1, "failed".into()),
        "{ran:?}"
    );
    assert!(
        state_and_hint(&ran, "roles")
            .1
            .starts_with(&format!("psql -c 'GRANT sqern_writer TO \"{role}\"'")),
        "{ran:?}"
    );
    client
        .batch_execute(&format!("GRANT sqern_reader TO {role}"))
        .await
        .unwrap();
    let ran = run_doctor();
    assert_eq!(
        (ran.status, state_and_hint(&ran, "roles").0),
        (0, "warning".into()),
        "{ran:?}"
    );
    client
        .batch_execute(&format!("GRANT sqern_writer TO {role}"))
        .await
        .unwrap();
    assert_eq!(state_and_hint(&run_doctor(), "roles").0, "ok");
    client
        .batch_execute(&format!("DROP ROLE {role}"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wrong_clock_fails_and_an_old_check_is_a_warning() {
    let (program, arguments) = healthy().await;
    let args = with_arguments(&arguments, &["--offline"]);
    let mut command = program.command(&args);
    let ran = Ran::from(
        command
            .env("SQERN_NOW", "2090-01-01T00:00:00Z")
            .output()
            .unwrap(),
    );
    assert_eq!(
        (
            ran.status,
            state_and_hint(&ran, "clock").0,
            state_and_hint(&ran, "crawl").0
        ),
        (1, "failed".into(), "warning".into()),
        "{ran:?}"
    );
    assert!(
        first_finding(&ran, "crawl")["found"]
            .as_str()
            .unwrap()
            .ends_with("debian12: not checked for 48 hours"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn server_clocks_are_compared_by_their_responses() {
    let (program, arguments) = healthy().await;
    let home = program.home.path();
    let repo = suite("bookworm", &["6.1.0-1"])
        .write(&home.join("web"))
        .unwrap();
    let server = FileServer::start(&repo.folder).await.unwrap();
    sources(&home.join("sources"), &[(&repo, &server.url())]);
    server.fail(
        "InRelease",
        ServerFault::Headers(vec![("Date", "Sun, 11 Jan 2026 00:00:00 GMT".into())]),
        1,
    );
    let ran = run(&program, &arguments, &[]);
    let clocks: Vec<Value> = findings(&ran)
        .into_iter()
        .filter(|(check, _)| check == "clock")
        .map(|(_, item)| item)
        .collect();
    assert_eq!(
        (clocks[0]["state"].as_str(), clocks[1]["state"].as_str()),
        (Some("ok"), Some("failed")),
        "{ran:?}"
    );
    assert_eq!(
        (
            ran.status,
            state_and_hint(&ran, "source").0,
            server.requests().len()
        ),
        (1, "ok".into(), 1),
        "only the root metadata is requested"
    );
}

#[tokio::test]
async fn a_missing_or_invalid_keyring_fails_with_its_package() {
    let (program, arguments) = healthy().await;
    let keyring = program.home.path().join("archive/keyring.gpg");
    fs::write(&keyring, "<html>").unwrap();
    let ran = run(&program, &arguments, &["--offline"]);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "keyring").0),
        (1, "failed".into()),
        "{ran:?}"
    );
    fs::remove_file(&keyring).unwrap();
    let ran = run(&program, &arguments, &["--offline"]);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "keyring").0),
        (1, "failed".into()),
        "{ran:?}"
    );
    assert!(
        state_and_hint(&ran, "keyring")
            .1
            .starts_with("apt-get install sqern-test-keyring "),
        "{ran:?}"
    );
    assert_eq!(
        state_and_hint(&ran, "source").0,
        "skipped",
        "no source is requested"
    );
}

#[tokio::test]
async fn an_unreachable_or_unverified_source_fails() {
    let (program, arguments) = healthy().await;
    let home = program.home.path();
    let (good, bad) = (
        suite("bookworm", &["6.1.0-1"]),
        suite("bookworm-updates", &["6.1.0-2"]).fault(RepoFault::AlteredRelease),
    );
    let (good, bad) = (
        good.write(&home.join("good")).unwrap(),
        bad.write(&home.join("bad")).unwrap(),
    );
    sources(
        &home.join("sources"),
        &[(&good, &good.file_url()), (&bad, &bad.file_url())],
    );
    let ran = run(&program, &arguments, &[]);
    let found = first_finding(&ran, "source")["found"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        (ran.status, state_and_hint(&ran, "source").0),
        (1, "failed".into())
    );
    assert!(
        found
            .starts_with("1 of 2 sources failed; bookworm-updates: could not verify the signature"),
        "{found}"
    );
    // A closed port.
    sources(&home.join("sources"), &[(&good, "http://127.0.0.1:9")]);
    let ran = run(&program, &arguments, &[]);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "source").0),
        (1, "failed".into()),
        "{ran:?}"
    );
    assert!(
        first_finding(&ran, "source")["found"]
            .as_str()
            .unwrap()
            .contains("http://127.0.0.1:9/dists/bookworm/InRelease"),
        "{ran:?}"
    );
    fs::write(home.join("sources/debian12.toml"), "name = ").unwrap();
    let ran = run(&program, &arguments, &[]);
    assert_eq!(
        (
            ran.status,
            state_and_hint(&ran, "sources").0,
            state_and_hint(&ran, "store").0
        ),
        (1, "failed".into(), "ok".into()),
        "{ran:?}"
    );
}

#[tokio::test]
async fn apt_get_is_required_only_for_packages_from_apt_lists() {
    let (program, arguments) = healthy().await;
    let run_doctor = || {
        let mut command = program.command(&with_arguments(&arguments, &["--offline"]));
        let ran = Ran::from(command.env("PATH", "/nonexistent").output().unwrap());
        let apt = findings(&ran)
            .into_iter()
            .find(|(_, item)| item["about"] == "apt-get")
            .unwrap()
            .1;
        (ran.status, apt["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(run_doctor(), (0, "ok".into()));
    let client = program.database.client().await;
    client
        .batch_execute("UPDATE kver_package SET url = 'apt:' || name || '=' || package_version")
        .await
        .unwrap();
    assert_eq!(run_doctor(), (1, "failed".into()));
}

#[tokio::test]
async fn a_store_below_a_file_fails_and_the_cache_is_counted() {
    let (program, arguments) = healthy().await;
    let file = program.home.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("store");
    let ran = program.run(&[
        "doctor",
        "--json",
        "--offline",
        "--store",
        below.to_str().unwrap(),
    ]);
    assert_eq!(
        (ran.status, state_and_hint(&ran, "store").0),
        (1, "failed".into()),
        "{ran:?}"
    );
    let store = program.home.path().join("store");
    fs::create_dir_all(store.join(".cache/sha256/ab")).unwrap();
    fs::write(store.join(".cache/sha256/ab/abcd.deb"), "0123456789").unwrap();
    let ran = run(&program, &arguments, &["--offline"]);
    assert_eq!(
        (ran.status, first_finding(&ran, "cache")["found"].as_str()),
        (0, Some("1 package, 10 B")),
        "{ran:?}"
    );
}

#[tokio::test]
async fn version_prints_commit_and_schema_in_its_long_form() {
    let program = Program::new().await;
    let output_of = |flag: &str| Ran::from(program.bare_command(&[flag]).output().unwrap()).stdout;
    let (short, long) = (output_of("-V"), output_of("--version"));
    assert_eq!(short, format!("sqern {}\n", env!("CARGO_PKG_VERSION")));
    let lines: Vec<&str> = long.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, short.trim_end()));
    assert!(
        lines[1].starts_with("commit  ") && lines[1].len() > 8,
        "{long}"
    );
    let newest = program.value("SELECT version || ' (' || name || ')' FROM schema_migration ORDER BY version DESC LIMIT 1").await;
    assert_eq!(lines[2], format!("schema  {newest}"));
}
