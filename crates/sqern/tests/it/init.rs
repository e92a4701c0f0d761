//! `sqern init`: from nothing to a database that answers.

use std::path::Path;

use sqern_testkit::TestServer;
use sqern_testkit::server::open_tempdir;

use crate::program::{Program, Ran, program_at};

/// A home whose private server is removed with it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(open_tempdir().unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(program_at(self.path(), arguments).output().expect("the program runs"))
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
    let rehearsed = home.run(&["init", "--dry-run"]);
    assert_eq!(rehearsed.status, 0, "{rehearsed:?}");
    assert!(rehearsed.stdout.contains(": would be created and started\n"), "{rehearsed:?}");
    assert!(!home.path().join(".default").exists());

    let first = home.run(&["init"]);
    assert_eq!(first.status, 0, "{first:?}");
    for part in [": created and started\n", " migrations applied\n", "distributions  38 added\n"] {
        assert!(first.stdout.contains(part), "{part}: {first:?}");
    }
    assert!(first.stderr.contains("sqern why \"$(uname -r)\""), "{first:?}");
    let second = home.run(&["init"]);
    for part in [": already running\n", ": up to date\n", "distributions  up to date\n"] {
        assert!(second.stdout.contains(part), "{part}: {second:?}");
    }
    let listed = home.run(&["distro", "list", "--csv"]);
    assert_eq!(listed.stdout.lines().count(), 39, "{listed:?}");

    assert_eq!(home.run(&["local", "down"]).status, 0);
    let stopped = home.run(&["init", "--dry-run"]);
    assert!(stopped.stdout.contains(": would be started\n") && stopped.stdout.contains(": unknown until"), "{stopped:?}");
    let started: serde_json::Value = serde_json::from_str(&home.run(&["init", "--json"]).stdout).unwrap();
    assert_eq!((&started["schema"], &started["item"]["server"]["state"]), (&"sqern.init/1".into(), &"started".into()));
}

#[test]
fn two_inits_at_once_leave_one_database() {
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
    assert_eq!(home.run(&["distro", "list", "--csv"]).stdout.lines().count(), 39);
}

#[tokio::test]
async fn init_uses_the_database_that_is_named() {
    let program = Program::on(TestServer::shared().await.database("init").await);
    let first = program.done(&["init"]);
    assert!(!first.stdout.contains("server"), "{first:?}");
    assert!(first.stdout.contains("distributions  38 added\n"), "{first:?}");
    assert!(!program.home.path().join(".default").exists());
    assert_eq!(program.value("SELECT count(*) FROM distro").await, "38");
    let journal = program.journal().await;
    program.done(&["init"]);
    assert_eq!(program.journal().await, journal, "a second run changes nothing");

    let unknown = Ran::from(program.bare_command(&["init", "--service", "nowhere"]).output().unwrap());
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(!program.home.path().join(".default").exists(), "a service that does not exist starts no server");
}
