//! The whole way by one file, and the samples for Jenkins and systemd as they are written.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sqern_testkit::clean_command;

use crate::fetch::{World, kernel};
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

/// A folder with what builds and tests one kernel.
fn workspace(world: &World) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = world.program.home.path().join("workspace");
    std::fs::create_dir(&folder).unwrap();
    for (name, text) in [("build-module.sh", BUILD), ("smoke-test.sh", TEST)] {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn file(world: &World, folder: &Path) -> String {
    let logs = world.program.home.path().join("logs");
    let text = format!(
        "revision = \"21.0\"\ntarget = \"lab\"\ndistros = [\"debian12\"]\nstore = {:?}\nlogs = {:?}\nsources = {:?}\n\
         [fetch]\narch = \"x86_64\"\n[build]\ncommand = \"./build-module.sh\"\ntime-limit = \"2m\"\n\
         [test]\ncommand = \"./smoke-test.sh\"\nflavor = \"smoke\"\n",
        world.store,
        logs.display().to_string(),
        world.sources
    );
    std::fs::write(folder.join("pipeline.toml"), text).unwrap();
    "pipeline.toml".to_owned()
}

const AVAILABLE: &str =
    "SELECT coalesce(string_agg(version, ' ' ORDER BY version), '') FROM sp_available_kver WHERE deleted_at = '-infinity'";

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_runs_all_steps_once() {
    let world = World::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    let folder = workspace(&world);
    let file = file(&world, &folder);
    let run = |more: &[&str]| {
        let words = [&["pipeline", "run", &file], more].concat();
        world.program.command(&words).current_dir(&folder).output().unwrap()
    };
    let rehearsed = run(&["--dry-run"]);
    let lines = String::from_utf8(rehearsed.stdout).unwrap();
    assert_eq!(lines.lines().count(), 5, "{lines}");
    assert!(
        lines.contains("\nsqern test run --revision 21.0 --target lab --distro debian12 --command ./smoke-test.sh "),
        "{lines}"
    );
    let ran = run(&[]);
    assert!(ran.status.success(), "{ran:?}");
    assert_eq!(world.program.value(AVAILABLE).await, "6.1.0-1-amd64 6.1.0-2-amd64");
    assert_eq!(world.program.value("SELECT string_agg(DISTINCT stage, ' ') FROM kver_status").await, "available");
    let journal = world.program.journal().await;
    let again = run(&[]);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(world.program.journal().await, journal, "a second run leaves no trace");

    std::fs::write(folder.join("wrong.toml"), "revision = \"1\"\ntarget = \"lab\"\n[build]\ncomand = \"x\"\n").unwrap();
    let wrong = world.program.command(&["pipeline", "run", "wrong.toml"]).current_dir(&folder).output().unwrap();
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(1) && told.contains("wrong.toml:4: unknown field `comand`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_pipeline_continues_with_new_kernels() {
    let world = World::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    world.program.done(&["ignore", "add", "debian12", "6.1.0-2-*"]);
    let folder = workspace(&world);
    let file = file(&world, &folder);
    let words = ["pipeline", "run", &file, "--watch", "--skip", "check"];
    let mut child =
        world.program.command(&words).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = async |expected: &str| {
        let begun = Instant::now();
        while world.program.value(AVAILABLE).await != expected {
            assert!(begun.elapsed() < Duration::from_secs(120), "not {expected}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    until("6.1.0-1-amd64").await;
    world.program.done(&["ignore", "remove", "debian12", "6.1.0-2-*"]);
    until("6.1.0-1-amd64 6.1.0-2-amd64").await;
    let process = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    let ended = child.wait().unwrap();
    assert!(ended.code().is_some(), "it ends by itself: {ended}");
}

/// The shell steps of a Jenkinsfile: what stands between `sh '''` and `'''`.
fn shell_steps(jenkinsfile: &str) -> Vec<&str> {
    let steps = jenkinsfile.split("sh '''").skip(1);
    steps.map(|rest| rest.split("'''").next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_jenkins_sample_runs() {
    let world = World::new(kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"))).await;
    let folder = workspace(&world);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples/Jenkinsfile");
    let text = std::fs::read_to_string(root).unwrap();
    let steps = shell_steps(&text);
    assert_eq!(steps.len(), 5);
    // The sources of this test in place of the world's: the agent's own are in /etc/sqern.
    let program = folder.join("sqern");
    let script = format!(
        "#!/bin/sh\ncase $1 in\n  check | fetch) first=$1; shift; set -- \"$first\" --sources '{}' --distro debian12 \"$@\" ;;\nesac\n\
         case $1 in fetch) set -- \"$@\" --arch x86_64 ;; esac\nexec '{}' --dsn '{}' \"$@\"\n",
        world.sources,
        env!("CARGO_BIN_EXE_sqern"),
        world.program.database.dsn()
    );
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    for step in steps {
        // As Jenkins runs it: sh -xe.
        let mut shell = Command::new("sh");
        environment_at(&mut shell, world.program.home.path()).args(["-xe", "-c", step]).current_dir(&folder);
        shell.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        shell.envs([
            ("REVISION", "21.0"),
            ("TARGET", "lab"),
            ("SQERN_STORE", &world.store),
            ("JOB_NAME", "modules"),
            ("BUILD_NUMBER", "3"),
        ]);
        shell.env("SQERN_LOGS", world.program.home.path().join("logs"));
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{step}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(world.program.value(AVAILABLE).await, "6.1.0-1-amd64 6.1.0-2-amd64");
    assert_eq!(world.program.value("SELECT jenkins_job || ' ' || result FROM sp_build").await, "modules #3 SUCCESS");
}

#[test]
fn the_sample_for_systemd_runs_a_command_that_there_is() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samples");
    let unit = std::fs::read_to_string(samples.join("sqern-pipeline.service")).unwrap();
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/sqern ")).unwrap();
    // The file is not there: it is read before anything is done, so that the words are known to be right.
    let words: Vec<&str> = command.split(' ').collect();
    let output = program_at(Path::new("/nonexistent"), &words).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && told.contains("could not read pipeline file /etc/sqern/pipeline.toml"), "{told}");
    // What systemd itself says of the units, where it is: it misses the program that is not installed, and nothing else.
    let Ok(verified) = clean_command("systemd-analyze").arg("verify").arg(samples.join("sqern-pipeline.timer")).output() else {
        return;
    };
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    let wrong: Vec<&str> =
        told.lines().filter(|line| line.contains("sqern-pipeline") && !line.contains("/usr/bin/sqern")).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
