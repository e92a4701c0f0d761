//! `sqern pipeline`, and the samples for Jenkins and systemd.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqern_testkit::clean_command;

use crate::fetch::{Fixture, kernel};
use crate::program::{environment_at, program_at};

const BUILD: &str = "#!/bin/sh
set -e
work=$(mktemp -d)
trap 'rm -rf \"$work\"' EXIT
echo 'obj-m := mine.o' > \"$work/Makefile\"
echo 'MODULE_LICENSE(\"GPL\");' > \"$work/mine.c\"
make -C \"$SQERN_TREE/build\" M=\"$work\" modules
mkdir -p \"artifacts/$SQERN_BUILD_ID/$SQERN_VERSION\"
cp \"$work/mine.ko\" \"artifacts/$SQERN_BUILD_ID/$SQERN_VERSION/\"
";
const TEST: &str = "#!/bin/sh
grep -aq \"vermagic=$SQERN_VERSION \" \"artifacts/$SQERN_BUILD_ID/$SQERN_VERSION/mine.ko\"
";

/// Creates a directory with the commands that build and test a kernel.
fn workspace(fixture: &Fixture) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = fixture.program.home.path().join("workspace");
    std::fs::create_dir(&directory).unwrap();
    for (name, text) in [("build-module.sh", BUILD), ("smoke-test.sh", TEST)] {
        let file = directory.join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

fn file(fixture: &Fixture, directory: &Path) -> String {
    let logs = fixture.program.home.path().join("logs");
    let text = format!(
        "revision = \"21.0\"\ntarget = \"lab\"\ndistros = [\"debian12\"]\nstore = {:?}\nlogs = {:?}\nsources = {:?}\n\
         [fetch]\narch = \"x86_64\"\n[build]\ncommand = \"./build-module.sh\"\ntime-limit = \"2m\"\n\
         [test]\ncommand = \"./smoke-test.sh\"\nflavor = \"smoke\"\n",
        fixture.store,
        logs.display().to_string(),
        fixture.sources
    );
    std::fs::write(directory.join("pipeline.toml"), text).unwrap();
    "pipeline.toml".to_owned()
}

const AVAILABLE: &str = "SELECT coalesce(string_agg(version, ' ' ORDER BY version), '') FROM sp_available_kver WHERE deleted_at = '-infinity'";

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_runs_all_steps_once() {
    let fixture = Fixture::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    let directory = workspace(&fixture);
    let file = file(&fixture, &directory);
    let run = |more: &[&str]| {
        let args = [&["pipeline", "run", &file], more].concat();
        fixture
            .program
            .command(&args)
            .current_dir(&directory)
            .output()
            .unwrap()
    };
    let dry_run = run(&["--dry-run"]);
    let lines = String::from_utf8(dry_run.stdout).unwrap();
    assert_eq!(lines.lines().count(), 5, "{lines}");
    assert!(
        lines.contains("\nsqern test run --revision 21.0 --target lab --distro debian12 --command ./smoke-test.sh "),
        "{lines}"
    );
    let ran = run(&[]);
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(
        fixture.program.value(AVAILABLE).await,
        "6.1.0-1-amd64 6.1.0-2-amd64"
    );
    assert_eq!(
        fixture
            .program
            .value("SELECT string_agg(DISTINCT stage, ' ') FROM kver_status")
            .await,
        "available"
    );
    let journal = fixture.program.journal().await;
    let again = run(&[]);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(
        fixture.program.journal().await,
        journal,
        "a second run records nothing"
    );

    std::fs::write(
        directory.join("wrong.toml"),
        "revision = \"1\"\ntarget = \"lab\"\n[build]\ncomand = \"x\"\n",
    )
    .unwrap();
    let wrong = fixture
        .program
        .command(&["pipeline", "run", "wrong.toml"])
        .current_dir(&directory)
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(
        wrong.status.code() == Some(1) && reported.contains("wrong.toml:4: unknown field `comand`"),
        "{reported}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_pipeline_continues_with_new_kernels() {
    let fixture = Fixture::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    fixture
        .program
        .done(&["ignore", "add", "debian12", "6.1.0-2-*"]);
    let directory = workspace(&fixture);
    let file = file(&fixture, &directory);
    let args = ["pipeline", "run", &file, "--watch", "--skip", "check"];
    let mut child = fixture
        .program
        .command(&args)
        .current_dir(&directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = async |expected: &str| {
        let start = Instant::now();
        while fixture.program.value(AVAILABLE).await != expected {
            assert!(start.elapsed() < Duration::from_secs(120), "not {expected}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    until("6.1.0-1-amd64").await;
    fixture
        .program
        .done(&["ignore", "remove", "debian12", "6.1.0-2-*"]);
    until("6.1.0-1-amd64 6.1.0-2-amd64").await;
    let process = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let ended = child.wait().unwrap();
    assert!(
        ended.code().is_some(),
        "the program exits without a further signal: {ended}"
    );
}

/// Returns the shell steps of a Jenkinsfile: the texts between `sh '''` and `'''`.
fn shell_steps(jenkinsfile: &str) -> Vec<&str> {
    let steps = jenkinsfile.split("sh '''").skip(1);
    steps
        .map(|rest| rest.split("'''").next().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jenkins_sample_runs() {
    let fixture = Fixture::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    let directory = workspace(&fixture);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples/Jenkinsfile");
    let text = std::fs::read_to_string(root).unwrap();
    let steps = shell_steps(&text);
    assert_eq!(steps.len(), 5);
    // The script adds the options for the sources of this test. An agent has its sources in
    // /etc/sqern.
    let program = directory.join("sqern");
    let script = format!(
        "#!/bin/sh\ncase $1 in\n  check | fetch) first=$1; shift; set -- \"$first\" --sources '{}' --distro debian12 \"$@\" ;;\nesac\n\
         case $1 in fetch) set -- \"$@\" --arch x86_64 ;; esac\nexec '{}' --dsn '{}' \"$@\"\n",
        fixture.sources,
        env!("CARGO_BIN_EXE_sqern"),
        fixture.program.database.dsn()
    );
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    for step in steps {
        // Jenkins runs steps with sh -xe.
        let mut shell = Command::new("sh");
        environment_at(&mut shell, fixture.program.home.path())
            .args(["-xe", "-c", step])
            .current_dir(&directory);
        shell.env("PATH", format!("{}:/usr/bin:/bin", directory.display()));
        shell.envs([
            ("REVISION", "21.0"),
            ("TARGET", "lab"),
            ("SQERN_STORE", &fixture.store),
            ("JOB_NAME", "modules"),
            ("BUILD_NUMBER", "3"),
        ]);
        shell.env("SQERN_LOGS", fixture.program.home.path().join("logs"));
        let output = shell.output().unwrap();
        assert!(
            output.status.success(),
            "{step}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(
        fixture.program.value(AVAILABLE).await,
        "6.1.0-1-amd64 6.1.0-2-amd64"
    );
    assert_eq!(
        fixture
            .program
            .value("SELECT jenkins_job || ' ' || result FROM sp_build")
            .await,
        "modules #3 SUCCESS"
    );
}

#[test]
fn the_systemd_sample_runs_a_valid_command() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples");
    let unit = std::fs::read_to_string(samples.join("sqern-pipeline.service")).unwrap();
    let command = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/sqern "))
        .unwrap();
    // The file does not exist. The arguments are valid if the error is about the file.
    let args: Vec<&str> = command.split(' ').collect();
    let output = program_at(Path::new("/nonexistent"), &args)
        .output()
        .unwrap();
    let reported = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1)
            && reported.contains("could not read pipeline file /etc/sqern/pipeline.toml"),
        "{reported}"
    );
    // systemd may only report that the program is not installed.
    let Ok(verified) = clean_command("systemd-analyze")
        .arg("verify")
        .arg(samples.join("sqern-pipeline.timer"))
        .output()
    else {
        return;
    };
    let reported = String::from_utf8_lossy(&verified.stderr).into_owned();
    let wrong: Vec<&str> = reported
        .lines()
        .filter(|line| line.contains("sqern-pipeline") && !line.contains("/usr/bin/sqern"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
