//! Checks the sandbox in which test modules are compiled.

use sqern_sandbox::{Launcher, Method, Obstacle, availability};

use super::Finding;
use crate::blocking::blocking;

/// The name of the check.
const CHECK: &str = "sandbox";

/// Runs a command in a sandbox. A machine without the full isolation is a warning, because
/// `sqern fetch` works without it.
pub(super) async fn check(launcher: &Launcher) -> Finding {
    let launcher = launcher.clone();
    let test = move || {
        let bubblewrap = availability(Method::Bubblewrap, &launcher).as_ref().err();
        let landlock = bubblewrap.map(|_| availability(Method::Landlock, &launcher).is_ok());
        (bubblewrap, landlock.unwrap_or_default())
    };
    match blocking("test the sandbox", test).await {
        Ok((obstacle, has_landlock)) => finding(obstacle, has_landlock),
        Err(error) => Finding::failed(CHECK, error.to_string(), ""),
    }
}

fn finding(obstacle: Option<&Obstacle>, has_landlock: bool) -> Finding {
    let Some(obstacle) = obstacle else {
        return Finding::ok(CHECK, Method::Bubblewrap.as_str());
    };
    let consequence = if has_landlock {
        "test modules are compiled with Landlock, which isolates less"
    } else {
        "test modules are compiled without a sandbox"
    };
    let found = format!("{}: {consequence}", obstacle.reason);
    Finding::warning(CHECK, found, &obstacle.hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_missing_method_is_a_warning_with_its_correction() {
        let obstacle = Obstacle {
            reason: "bubblewrap is not installed".to_owned(),
            hint: "apt-get install bubblewrap".to_owned(),
        };
        assert_eq!(finding(None, false).state, State::Ok);
        for (has_landlock, expected) in [(true, "with Landlock"), (false, "without a sandbox")] {
            let found = finding(Some(&obstacle), has_landlock);
            assert_eq!(found.state, State::Warning);
            assert!(found.found.contains(expected), "{}", found.found);
            assert_eq!(found.hint.as_deref(), Some("apt-get install bubblewrap"));
        }
    }
}
