//! A directory with a tree and a scratch directory, in which commands run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqern_sandbox::{
    Error, Finished, Launcher, Limits, Method, Policy, Program, Sandbox, Scratch, availability,
};

/// The maximum size of the files of a command in bytes.
pub const SCRATCH_BYTES: u64 = 1 << 20;

pub struct Fixture {
    pub directory: tempfile::TempDir,
    pub policy: Policy,
    pub time_limit: Duration,
    pub method: Option<Method>,
}

/// Returns the launcher of the tests.
pub fn launcher() -> Launcher {
    Launcher {
        program: PathBuf::from(env!("CARGO_BIN_EXE_sandbox-launcher")),
        user: "nobody".to_owned(),
    }
}

/// Runs a test with each method. Prints the reason if this machine does not support a method.
#[allow(clippy::print_stderr, reason = "a skipped method must be visible")]
pub fn with_each_method(test: impl Fn(&Fixture)) {
    for method in [Method::Bubblewrap, Method::Landlock] {
        match availability(method, &launcher()) {
            Ok(_) => test(&Fixture::new(Some(method))),
            Err(obstacle) => eprintln!("SKIPPED with {method}: {}", obstacle.reason),
        }
    }
}

impl Fixture {
    /// Returns a directory with the subdirectories `tree`, `other` and `scratch`.
    pub fn new(method: Option<Method>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The command runs as another user if the tests run as root.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["tree", "other", "scratch"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        fs::write(directory.path().join("tree/header"), "content\n").unwrap();
        let path = |name: &str| directory.path().join(name);
        let policy = Policy {
            read_only: vec![path("tree")],
            writable: vec![],
            scratch: Scratch::new(path("scratch"), SCRATCH_BYTES),
            network: false,
            environment: vec![
                ("PATH".into(), "/usr/bin:/bin".into()),
                ("TREE".into(), path("tree").into()),
                ("TMPDIR".into(), path("scratch").into()),
            ],
            limits: Limits::default(),
        };
        Self {
            directory,
            policy,
            time_limit: Duration::from_secs(60),
            method,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn sandbox(&self) -> Sandbox {
        self.method
            .map_or_else(Sandbox::off, |method| Sandbox::with(method, launcher()))
    }

    /// Runs a shell script in the scratch directory.
    pub fn try_run(&self, policy: &Policy, script: &str) -> Result<Finished, Error> {
        let program = Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: Some(policy.scratch.path.clone()),
        };
        self.sandbox()
            .run(policy, &program, self.time_limit, 64 << 10)
    }

    pub fn run(&self, script: &str) -> Finished {
        self.try_run(&self.policy, script).unwrap()
    }

    pub fn is(&self, method: Method) -> bool {
        self.method == Some(method)
    }
}

/// Returns the exit status of a command.
pub fn code(finished: &Finished) -> Option<i32> {
    finished.status.and_then(|status| status.code())
}

/// Returns whether a file appears within 2 seconds.
pub fn appears(path: &Path) -> bool {
    (0..40).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        path.exists()
    })
}
