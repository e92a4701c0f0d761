//! The owner of a lease: a process of a machine.

use rustix::process::Pid;

/// Identifies this process, so that others on the same machine can check whether it exists:
/// `HOST:PID:NAMESPACE`.
#[must_use]
pub fn lease_owner() -> String {
    format!("{}:{}:{}", host_name(), std::process::id(), namespace())
}

/// Returns whether an owner is a process of this machine that no longer exists; `false` for other
/// owners.
#[must_use]
pub fn is_dead(owner: &str) -> bool {
    let mut parts = owner.rsplitn(3, ':');
    let (Some(owner_namespace), Some(process), Some(machine)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let process = process.parse().ok().and_then(Pid::from_raw);
    let is_gone =
        |process| rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH);
    machine == host_name() && owner_namespace == namespace() && process.is_some_and(is_gone)
}

/// Returns the name of this machine, as `uname -n` prints it.
#[must_use]
pub fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

/// Returns the PID namespace, because two containers may have the same host name; empty without
/// namespaces.
fn namespace() -> String {
    let link = std::fs::read_link("/proc/self/ns/pid").ok();
    let digits = link.map(|link| {
        link.to_string_lossy()
            .chars()
            .filter(char::is_ascii_digit)
            .collect()
    });
    digits.unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;

    #[test]
    fn only_processes_of_this_machine_can_be_dead() {
        assert!(!is_dead(&lease_owner()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let other = format!("{}:{}:{}", host_name(), child.id(), namespace());
        child.wait().unwrap();
        assert!(is_dead(&other));
        assert!(
            !is_dead(&other.replace(&host_name(), "elsewhere"))
                && !is_dead("nightly #12")
                && !is_dead("")
        );
    }
}
