//! `sqern init`: sets up a private server or a specified database.

use std::path::Path;

use sqern_testkit::TestServer;
use sqern_testkit::server::open_tempdir;

use crate::program::{Program, Ran, program_at};

/// A home directory. Its private server is destroyed when it is dropped.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(open_tempdir().unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(
            program_at(self.path(), arguments)
                .output()
                .expect("the program runs"),
        )
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.run(&["local", "destroy", "--yes"]);
    }
}

#[test]
fn init_starts_a_private_server_and_can_be_repeated() {
    let home = Home::new();
    let dry_run = home.run(&["init", "--dry-run"]);
    assert_eq!(dry_run.status, 0, "{dry_run:?}");
    assert!(
        dry_run.stdout.contains(": would be created and started\n"),
        "{dry_run:?}"
    );
    assert!(!home.path().join(".default").exists());

    let first = home.run(&["init"]);
    assert_eq!(first.status, 0, "{first:?}");
    for part in [
        ": created and started\n",
        " migrations applied\n",
        "distributions  38 added\n",
    ] {
        assert!(first.stdout.contains(part), "{part}: {first:?}");
    }
    assert!(
        first.stderr.contains("sqern why \"$(uname -r)\""),
        "{first:?}"
    );
    let second = home.run(&["init"]);
    for part in [
        ": already running\n",
        ": up to date\n",
        "distributions  up to date\n",
    ] {
        assert!(second.stdout.contains(part), "{part}: {second:?}");
    }
    let listed = home.run(&["distro", "list", "--csv"]);
    assert_eq!(listed.stdout.lines().count(), 39, "{listed:?}");

    assert_eq!(home.run(&["local", "down"]).status, 0);
    let stopped = home.run(&["init", "--dry-run"]);
    assert!(
        stopped.stdout.contains(": would be started\n")
            && stopped.stdout.contains(": unknown until"),
        "{stopped:?}"
    );
    let started: serde_json::Value =
        serde_json::from_str(&home.run(&["init", "--json"]).stdout).unwrap();
    assert_eq!(
        (&started["schema"], &started["item"]["server"]["state"]),
        (&"sqern.init/1".into(), &"started".into())
    );
}

#[test]
fn a_dry_run_reports_the_error_that_init_would_report() {
    let home = Home::new();
    let closed = home.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    let foreign = home.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("letter"), "mine").unwrap();
    // The user postgres of a server of root cannot enter the directory; an ordinary user cannot
    // write to it.
    let (mode, expected) = if rustix::process::geteuid().is_root() {
        (0o700, "who has no search permission for")
    } else {
        (0o500, "could not create directory")
    };
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    for (dir, expected) in [
        (closed.join("server"), expected),
        (foreign, "is not empty and was not created by sqern"),
    ] {
        for arguments in [&["init", "--dry-run"][..], &["init"]] {
            let ran = Ran::from(
                program_at(home.path(), arguments)
                    .env("SQERN_DATA_DIR", &dir)
                    .output()
                    .unwrap(),
            );
            assert!(
                ran.status == 1 && ran.stderr.contains(expected),
                "{arguments:?}: {ran:?}"
            );
        }
    }
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn a_service_file_that_cannot_be_written_is_a_warning() {
    let home = Home::new();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let ran = Ran::from(
        program_at(home.path(), &["init"])
            .env("PGSERVICEFILE", file.join("services"))
            .output()
            .unwrap(),
    );
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(
        ran.stderr
            .contains("warning: could not write service file "),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains("hint: Set PGSERVICEFILE to a writable file"),
        "{ran:?}"
    );
    assert!(
        !ran.stderr.contains("psql service="),
        "the hint contains no service that psql cannot find: {ran:?}"
    );
    assert_eq!(
        home.run(&["distro", "list", "--csv"])
            .stdout
            .lines()
            .count(),
        39
    );
}

#[test]
fn an_interrupted_init_leaves_no_process_and_no_files() {
    let home = Home::new();
    let staging = home.path().join(".default/local/data.new");
    let mut child = program_at(home.path(), &["init"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let start = std::time::Instant::now();
    while !staging.join("PG_VERSION").exists() {
        assert!(start.elapsed().as_secs() < 60, "initdb has not started");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let process = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let stderr = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(stderr.contains("error: interrupted"), "{stderr}");
    assert!(!staging.exists());
    let name = staging.display().to_string();
    let commands = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let left: Vec<String> = commands
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(&name))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    let again = home.run(&["init"]);
    assert_eq!(again.status, 0, "{again:?}");
}

#[test]
fn concurrent_inits_create_one_database() {
    let home = Home::new();
    let runs: Vec<_> = (0..2)
        .map(|_| {
            let mut command = program_at(home.path(), &["init"]);
            std::thread::spawn(move || Ran::from(command.output().expect("the program runs")))
        })
        .collect();
    for run in runs {
        let run = run.join().unwrap();
        assert_eq!(run.status, 0, "{run:?}");
    }
    assert_eq!(
        home.run(&["distro", "list", "--csv"])
            .stdout
            .lines()
            .count(),
        39
    );
}

#[tokio::test]
async fn init_uses_the_specified_database() {
    let program = Program::on(TestServer::shared().await.database("init").await);
    let first = program.done(&["init"]);
    assert!(!first.stdout.contains("server"), "{first:?}");
    assert!(
        first.stdout.contains("distributions  38 added\n"),
        "{first:?}"
    );
    assert!(!program.home.path().join(".default").exists());
    assert_eq!(program.value("SELECT count(*) FROM distro").await, "38");
    let journal = program.journal().await;
    program.done(&["init"]);
    assert_eq!(
        program.journal().await,
        journal,
        "a second run changes nothing"
    );

    let unknown = Ran::from(
        program
            .bare_command(&["init", "--service", "nowhere"])
            .output()
            .unwrap(),
    );
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(
        !program.home.path().join(".default").exists(),
        "a service that does not exist starts no server"
    );
}
