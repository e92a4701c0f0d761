//! `sqern build run` and `sqern test run`: run a command for each kernel.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::fetched;
use crate::program::{Program, Ran, field, open_inheritable};

struct Fixture {
    program: Program,
    logs: String,
    store: String,
}

impl Fixture {
    /// Returns a fixture with these fetched kernels, each with a directory in the store.
    async fn new(versions: &[&str]) -> Self {
        let program = fetched(versions).await;
        let path = |name: &str| program.home.path().join(name).display().to_string();
        let (logs, store) = (path("logs"), path("store"));
        for version in versions {
            std::fs::create_dir_all(PathBuf::from(&store).join("debian12").join(version)).unwrap();
        }
        Self {
            program,
            logs,
            store,
        }
    }

    fn arguments<'a>(&'a self, kind: &'a str, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let first = [
            kind,
            "run",
            "--revision",
            "21.0",
            "--target",
            "lab",
            "--logs",
            &self.logs,
            "--store",
            &self.store,
            "--command",
        ];
        [&first, &[command][..], more].concat()
    }

    fn spawn(&self, args: &[&str]) -> Child {
        self.program
            .command(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    async fn wait_for(&self, query: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let value = self.program.value(query).await;
            if value == expected {
                return;
            }
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{query}: {value}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

const RESULTS: &str = "SELECT string_agg(version || ' ' || coalesce(result, '-'), ', ' ORDER BY version) FROM sp_build_kver WHERE build_id = 1";

#[tokio::test(flavor = "multi_thread")]
async fn each_command_is_recorded_with_its_result() {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2", "6.1.0-3", "6.1.0-4", "6.1.0-5"]).await;
    std::fs::remove_dir(PathBuf::from(&fixture.store).join("debian12/6.1.0-5")).unwrap();
    let command = "echo $SQERN_BUILD_ID $SQERN_DISTRO $SQERN_REVISION $SQERN_TARGET; test -d \"$SQERN_TREE\" && touch \"$SQERN_WORK/x\" || exit 9
        case $SQERN_VERSION in *1) ;; *2) echo no; exit 2 ;; *3) exit 77 ;; *4) sleep 600 ;; esac";
    let ran = fixture.program.run(&fixture.arguments(
        "build",
        command,
        &["--time-limit", "1s", "--jobs", "4", "--json"],
    ));
    assert_eq!(ran.status, 1, "{ran:?}");
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        field(&list, "result"),
        ["NOT_BUILT", "ABORTED", "NOT_BUILT", "FAILURE", "SUCCESS"],
        "in the order of the plan"
    );
    assert_eq!(
        fixture.program.value(RESULTS).await,
        "6.1.0-1 SUCCESS, 6.1.0-2 FAILURE, 6.1.0-3 NOT_BUILT, 6.1.0-4 ABORTED, 6.1.0-5 NOT_BUILT"
    );
    assert_eq!(
        fixture.program.value("SELECT result FROM sp_build").await,
        "UNSTABLE"
    );
    let tails = "SELECT string_agg(tail, '|' ORDER BY version) FROM sp_build_kver_log AS l JOIN sp_build_kver AS k ON k.id = l.build_kver_id
                 WHERE version < '6.1.0-3'";
    assert_eq!(
        fixture.program.value(tails).await,
        "1 debian12 21.0 lab|1 debian12 21.0 lab\nno"
    );
    let shown = fixture.program.done(&["build", "show", "1"]);
    for part in [
        "FAILURE   debian12 6.1.0-2\n",
        "| no\n",
        "| [terminated by sqern: time limit of 1s exceeded]",
        "| headers of the kernel are not in ",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let log = PathBuf::from(&fixture.logs).join("build-1/debian12@6.1.0-2.log");
    assert_eq!(
        std::fs::read_to_string(log).unwrap(),
        "1 debian12 21.0 lab\nno\n"
    );

    let tested = fixture.program.done(&fixture.arguments(
        "test",
        "test $SQERN_BUILD_ID $SQERN_TEST_ID $SQERN_FLAVOR = 1 || echo $SQERN_FLAVOR",
        &["--flavor", "smoke"],
    ));
    assert!(tested.stderr.contains("test 1: SUCCESS"), "{tested:?}");
    assert_eq!(
        fixture
            .program
            .value("SELECT string_agg(version, ' ') FROM sp_test_kver")
            .await,
        "6.1.0-1"
    );
    let rest =
        fixture
            .program
            .done(&fixture.arguments("build", "true", &["--untried", "--dry-run"]));
    assert!(
        !rest.stdout.contains("6.1.0-2") && rest.stdout.contains("6.1.0-4"),
        "{rest:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_neither_commands_nor_comments_nor_other_users() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let script = "env | grep value; echo $SQERN_VERSION; : hunter2";
    let arguments = fixture.arguments("build", script, &["--env", "CC"]);
    let mut command = fixture.program.command(&arguments);
    let names = [
        "PGPASSWORD",
        "API_TOKEN",
        "SQERN_PASSWORD",
        "SQERN_DATABASE_URL",
        "SQERN_VERSION",
        "SQERN_FLAVOR",
        "LC_SESSION",
        "CC",
    ];
    command.envs(names.map(|name| (name, "value")));
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, 0, "{ran:?}");
    let log = PathBuf::from(&fixture.logs).join("build-1/debian12@6.1.0-1.log");
    assert_eq!(
        std::fs::read_to_string(&log).unwrap(),
        "CC=value\n6.1.0-1\n"
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o007;
    assert_eq!((mode(&log), mode(log.parent().unwrap())), (0, 0));
    let comments =
        "SELECT string_agg(DISTINCT comment, '|') FROM generation WHERE comment LIKE 'sqern %'";
    let comments = fixture.program.value(comments).await;
    assert!(
        comments.contains("--command CMD --env CC") && !comments.contains("hunter2"),
        "{comments}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_inherit_no_open_files() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let path = fixture.program.home.path().join("file");
    std::fs::write(&path, "text").unwrap();
    let _file = open_inheritable(&path);
    for (id, sandbox) in [(1, "off"), (2, "auto")] {
        let more = ["--sandbox", sandbox];
        let arguments = fixture.arguments("build", "ls /proc/$$/fd; exit 1", &more);
        let mut command = fixture.program.command(&arguments);
        let ran = Ran::from(command.current_dir("/").output().unwrap());
        assert_eq!(ran.status, 1, "{ran:?}");
        let log = PathBuf::from(&fixture.logs).join(format!("build-{id}/debian12@6.1.0-1.log"));
        assert_eq!(std::fs::read_to_string(log).unwrap(), "0\n1\n2\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr, reason = "a skipped method must be visible")]
async fn commands_run_in_a_sandbox_on_request() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let output = fixture.program.home.path().join("output");
    std::fs::create_dir(&output).unwrap();
    std::fs::set_permissions(&output, std::fs::Permissions::from_mode(0o777)).unwrap();
    let script = format!(
        "cd $SQERN_WORK && echo text >file && [ $HOME = $SQERN_WORK ] && ls $SQERN_TREE || exit 3
         touch $SQERN_TREE/file {}/other 2>/dev/null && exit 4
         touch {}/written || exit 5",
        fixture.program.home.path().display(),
        output.display()
    );
    let writable = output.display().to_string();
    let run = |mode| {
        let more = ["--sandbox", mode, "--writable", &writable, "--untried"];
        let arguments = fixture.arguments("build", &script, &more);
        // The user of the command might not be able to read the directory of the tests.
        let mut command = fixture.program.command(&arguments);
        Ran::from(command.current_dir("/").output().unwrap())
    };
    let ran = run("require");
    if ran.status != 0 && ran.stderr.contains("cannot isolate the command") {
        eprintln!("SKIPPED: {}", ran.stderr);
        return;
    }
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(output.join("written").exists());
    let outside = fixture.arguments("build", "true", &["--network"]);
    assert_eq!(fixture.program.run(&outside).status, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn max_failures_stops_the_run() {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2", "6.1.0-3", "6.1.0-4"]).await;
    let ran = fixture.program.run(&fixture.arguments(
        "build",
        "exit 1",
        &["--jobs", "1", "--max-failures", "2"],
    ));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert_eq!(
        fixture.program.value(RESULTS).await,
        "6.1.0-1 NOT_BUILT, 6.1.0-2 NOT_BUILT, 6.1.0-3 FAILURE, 6.1.0-4 FAILURE"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_terminates_commands_and_aborts_the_build() {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2"]).await;
    let marks = fixture.program.home.path().join("marks");
    let command = format!(
        "case $SQERN_VERSION in *2) exit 0 ;; esac; echo $$ > {}; sleep 600",
        marks.display()
    );
    let mut child = fixture.spawn(&fixture.arguments("build", &command, &["--jobs", "1"]));
    while std::fs::read_to_string(&marks)
        .unwrap_or_default()
        .is_empty()
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let process: i32 = child.id().try_into().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(process).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(
        fixture.program.value(RESULTS).await,
        "6.1.0-1 -, 6.1.0-2 SUCCESS",
        "the completed result remains"
    );
    assert_eq!(
        fixture.program.value("SELECT result FROM sp_build").await,
        "ABORTED"
    );
    let shell = std::fs::read_to_string(&marks).unwrap();
    assert!(
        !PathBuf::from("/proc").join(shell.trim()).exists(),
        "the command is terminated, too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_aborts_a_killed_run_and_claims_its_kernels() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let mut child = fixture.spawn(&fixture.arguments("build", "sleep 5", &["--lease", "10m"]));
    fixture.wait_for("SELECT count(*) FROM sp_build", "1").await;
    let busy = fixture
        .program
        .done(&fixture.arguments("build", "true", &[]));
    assert!(busy.stderr.contains("nothing to build"), "{busy:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    let next = fixture
        .program
        .done(&fixture.arguments("build", "true", &[]));
    assert!(
        next.stderr
            .contains("build 1 was abandoned by its owner; its result is ABORTED"),
        "{next:?}"
    );
    assert_eq!(
        fixture
            .program
            .value("SELECT string_agg(result, ' ' ORDER BY id) FROM sp_build")
            .await,
        "ABORTED SUCCESS"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_a_lost_lease_fails() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let args = fixture.arguments("build", "sleep 600", &["--lease", "1s"]);
    let child = fixture
        .program
        .command(&args)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    fixture.wait_for("SELECT count(*) FROM sp_build", "1").await;
    fixture.program.done(&["build", "finish", "1", "ABORTED"]);
    let output = child.wait_with_output().unwrap();
    let reported = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{reported}");
    assert!(
        reported.contains("build 1 has already finished with result ABORTED"),
        "{reported}"
    );
}
