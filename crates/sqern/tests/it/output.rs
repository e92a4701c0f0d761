//! Standard streams that are closed, full or discarded.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::program::{Program, Ran, field};
use crate::runs::fetched;

/// Returns a file to which nothing can be written.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// Runs the program in a shell with these redirections.
fn redirected(program: &Program, redirections: &str, arguments: &[&str]) -> Ran {
    let direct = program.command(arguments);
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("exec \"$0\" \"$@\" {redirections}")])
        .arg(direct.get_program())
        .args(direct.get_args())
        .env_clear()
        .envs(
            direct
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    Ran::from(shell.output().unwrap())
}

#[tokio::test]
async fn a_run_whose_id_cannot_be_printed_is_named_in_the_error() {
    let program = fetched(&["6.1.0-1-amd64", "6.1.0-2-amd64"]).await;
    let start = ["build", "start", "--claim", "1"];
    for (id, more) in [("1", &[][..]), ("2", &["--json"])] {
        let mut command = program.command(&[&start[..], more].concat());
        let ran = Ran::from(command.stdout(full()).output().unwrap());
        assert_eq!(ran.status, 1, "{ran:?}");
        for part in [
            "could not write to standard output: No space left on device",
            &format!("; build {id} is recorded"),
            &format!("sqern build show {id}"),
            &format!("sqern build finish {id} ABORTED  # releases its kernels"),
        ] {
            assert!(ran.stderr.contains(part), "{part}: {ran:?}");
        }
    }
    let mut dry_run = program.command(&[&start[..], &["--dry-run"]].concat());
    program.done(&["build", "finish", "1", "SUCCESS"]);
    program.done(&["build", "finish", "2", "ABORTED"]);
    let ran = Ran::from(dry_run.stdout(full()).output().unwrap());
    assert!(
        ran.status == 1 && !ran.stderr.contains("is recorded"),
        "{ran:?}"
    );

    let mut command = program.command(&["test", "start", "--claim", "1"]);
    let ran = Ran::from(command.stdout(full()).output().unwrap());
    assert!(
        ran.status == 1 && ran.stderr.contains("; test 1 is recorded"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_change_that_cannot_be_printed_is_named_in_the_error() {
    let program = fetched(&["6.1.0-1-amd64"]).await;
    let home = program.home.path();
    let report = home.join("report.csv");
    std::fs::write(
        &report,
        "cluster,type,host,distro,version,current\na,production,h,debian12,6.1.0-9-amd64,true\n",
    )
    .unwrap();
    let (report, logs) = (report.to_str().unwrap(), home.join("logs"));
    let store = home.join("store").display().to_string();
    let run = [
        "build",
        "run",
        "--command",
        "true",
        "--store",
        &store,
        "--logs",
    ];
    let run = [&run[..], &[logs.to_str().unwrap()]].concat();
    for arguments in [
        &["distro", "add", "fedora42", "FEDORA42"][..],
        &["distro", "add", "fedora43", "FEDORA43", "--json"],
        &["kver", "add", "debian12/6.1.0-3-amd64"],
        &["ignore", "add", "debian12", "6.1.0-3*", "--reason", "test"],
        &["cust", "load", report],
        &["cust", "load", report, "--partial", "--json"],
        &run,
    ] {
        let before = program.value("SELECT max(id) FROM generation").await;
        let mut command = program.command(arguments);
        let ran = Ran::from(command.stdout(full()).output().unwrap());
        let last = program.value("SELECT max(id) FROM generation").await;
        assert_eq!(ran.status, 1, "{arguments:?}: {ran:?}");
        let (detail, hint) = match arguments {
            [kind @ "build", ..] => (
                "; build 1 is recorded".to_owned(),
                format!("sqern {kind} show 1"),
            ),
            _ => (
                format!("; generation {last} is recorded"),
                format!("sqern generation show {last}"),
            ),
        };
        let is_named = ran.stderr.contains(&detail) && ran.stderr.contains(&hint);
        assert_eq!(before != last, is_named, "{arguments:?}: {ran:?}");
    }
    let mut prune = program.command(&["db", "prune"]);
    let ran = Ran::from(prune.stdout(full()).output().unwrap());
    assert!(
        ran.stderr.contains("; removed 0 crawls and 0 logs"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn closed_standard_output_is_an_error_before_any_change() {
    let program = fetched(&["6.1.0-1-amd64"]).await;
    let journal = program.journal().await;
    for arguments in [
        &["kver", "list"][..],
        &["kver", "list", "--json"],
        &["report", "coverage"],
        &["--version"],
        &["distro", "add", "fedora42", "FEDORA42"],
        &["build", "start", "--claim", "1"],
    ] {
        for redirections in [">&-", ">&- <&-"] {
            let ran = redirected(&program, redirections, arguments);
            assert!(
                ran.status == 1
                    && ran
                        .stderr
                        .contains("could not write to standard output: Bad file descriptor"),
                "{redirections} {arguments:?}: {ran:?}"
            );
        }
        // Without standard error, only the exit status remains.
        assert_eq!(redirected(&program, ">&- 2>&-", arguments).status, 1);
    }
    assert_eq!(program.journal().await, journal);
}

#[tokio::test]
async fn discarded_output_and_other_closed_streams_are_no_errors() {
    let program = fetched(&["6.1.0-1-amd64"]).await;
    for redirections in [
        ">/dev/null",
        // The null device of daemon(3) and of subprocess.DEVNULL is open for reading and writing.
        "1<>/dev/null",
        "<&-",
        "2>&-",
        "<&- 2>&-",
    ] {
        let ran = redirected(&program, redirections, &["distro", "list"]);
        assert!(
            ran.status == 0 && !ran.stderr.contains("error"),
            "{redirections}: {ran:?}"
        );
    }
    // This command does not write to standard output.
    program.done(&["build", "start", "--claim", "1"]);
    let ran = redirected(&program, ">&-", &["build", "renew", "1"]);
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn null_streams_of_the_standard_library_are_open() {
    let ran = Command::new(env!("CARGO_BIN_EXE_sqern"))
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetched_kernels_are_listed_if_they_cannot_be_recorded() {
    use crate::fetch::{Fixture, kernel};
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    let client = fixture.program.database.client().await;
    client
        .batch_execute(
            "CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'disk quota exceeded'; END$$;
             CREATE TRIGGER reject BEFORE INSERT ON kver_fetched FOR EACH ROW EXECUTE FUNCTION reject()",
        )
        .await
        .unwrap();
    let arguments = fixture.arguments(&["--json"]);
    let ran = fixture.program.run(&arguments);
    assert_eq!(ran.status, 1, "{ran:?}");
    let list = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(field(&list, "outcome"), ["fetched"]);
    for part in [
        "could not record debian12 6.1.0-1-amd64: ",
        "disk quota exceeded",
        "sqern fetch",
        "  # records the headers in the store",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    client
        .batch_execute("DROP TRIGGER reject ON kver_fetched")
        .await
        .unwrap();
    let again = fixture.program.json(&fixture.arguments(&[]));
    assert_eq!(field(&again, "outcome"), ["found"]);
}
