//! The methods that this machine supports.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use crate::{Error, Launcher, Limits, Method, Policy, Program, Sandbox, Scratch, bubblewrap};

/// The time limit of a test.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The reason why a method is not available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The reason.
    pub reason: String,
    /// The correction.
    pub hint: String,
}

/// Returns the restrictions of a method on this machine. The first call for a method runs a command,
/// about 0.05 s. The result is cached in the process, because all calls have the same launcher.
///
/// # Errors
///
/// Returns the reason why the method is not available.
pub fn availability(method: Method, launcher: &Launcher) -> &'static Result<Vec<String>, Obstacle> {
    static BUBBLEWRAP: OnceLock<Result<Vec<String>, Obstacle>> = OnceLock::new();
    static LANDLOCK: OnceLock<Result<Vec<String>, Obstacle>> = OnceLock::new();
    match method {
        Method::Bubblewrap => BUBBLEWRAP.get_or_init(|| check_bubblewrap(launcher)),
        Method::Landlock => LANDLOCK.get_or_init(|| {
            test(Method::Landlock, launcher).map_err(|reason| Obstacle {
                reason,
                hint: "Use Linux 5.13 or newer with Landlock (lsm=landlock,… on the kernel command line)."
                    .to_owned(),
            })
        }),
    }
}

fn check_bubblewrap(launcher: &Launcher) -> Result<Vec<String>, Obstacle> {
    if bubblewrap::find().is_none() {
        return Err(Obstacle {
            reason: "bubblewrap is not installed".to_owned(),
            hint: "apt-get install bubblewrap  # or dnf install bubblewrap".to_owned(),
        });
    }
    test(Method::Bubblewrap, launcher).map_err(|reason| Obstacle {
        hint: hint(&reason, &|path| fs::read_to_string(path).ok()),
        reason,
    })
}

/// Runs a command and returns its restrictions.
fn test(method: Method, launcher: &Launcher) -> Result<Vec<String>, String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let policy = Policy {
        read_only: vec![],
        writable: vec![],
        scratch: Scratch::new(scratch.path(), 1 << 20),
        network: false,
        environment: vec![],
        limits: Limits::default(),
    };
    let program = Program {
        path: PathBuf::from("/bin/true"),
        arguments: vec![],
        directory: None,
    };
    let finished = Sandbox::with(method, launcher.clone()).run(&policy, &program, TIME_LIMIT, 1000);
    match finished {
        Ok(finished) if finished.status.is_some_and(|status| status.success()) => Ok(finished
            .applied
            .map(|applied| applied.restrictions)
            .unwrap_or_default()),
        Ok(finished) => Err(format!(
            "{method} failed: {}",
            match finished.status {
                Some(status) => status.to_string(),
                None => format!("time limit of {} s exceeded", TIME_LIMIT.as_secs()),
            }
        )),
        Err(Error::Setup(reason)) => Err(format!("{method} failed: {reason}")),
        Err(error) => Err(format!("{method} failed: {error}")),
    }
}

/// Returns the correction for an error of bwrap. `read` returns the content of a file in /proc.
fn hint(reason: &str, read: &dyn Fn(&Path) -> Option<String>) -> String {
    let is_set = |path: &str, value: &str| {
        read(Path::new(path)).is_some_and(|content| content.trim() == value)
    };
    if reason.contains("nknown option") {
        "Install bubblewrap 0.7 or newer.".to_owned()
    } else if is_set(
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
    ) {
        "AppArmor restricts user namespaces: install the profile bwrap-userns-restrict, or run sysctl -w \
         kernel.apparmor_restrict_unprivileged_userns=0."
            .to_owned()
    } else if is_set("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "sysctl -w kernel.unprivileged_userns_clone=1  # allows user namespaces".to_owned()
    } else if is_set("/proc/sys/user/max_user_namespaces", "0") {
        "sysctl -w user.max_user_namespaces=1000  # allows user namespaces".to_owned()
    } else {
        "Allow the creation of namespaces (in a systemd unit RestrictNamespaces=~cgroup, in a container a seccomp profile \
         with unshare)."
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_setting_that_prevents_namespaces() {
        for (reason, setting, expected) in [
            ("bwrap: Unknown option --size", "", "0.7 or newer"),
            (
                "bwrap: setting up uid map: Permission denied",
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns=1",
                "AppArmor",
            ),
            (
                "bwrap: No permissions to create new namespace",
                "/proc/sys/kernel/unprivileged_userns_clone=0",
                "unprivileged_userns_clone=1",
            ),
            (
                "bwrap: Creating new namespace failed",
                "/proc/sys/user/max_user_namespaces=0",
                "max_user_namespaces=",
            ),
            (
                "bwrap: Creating new namespace failed",
                "/proc/sys/user/max_user_namespaces=100",
                "RestrictNamespaces",
            ),
        ] {
            let (path, value) = setting.split_once('=').unwrap_or_default();
            let read = |asked: &Path| (asked == Path::new(path)).then(|| format!("{value}\n"));
            let found = hint(reason, &read);
            assert!(found.contains(expected), "{reason}: {found}");
        }
    }
}
