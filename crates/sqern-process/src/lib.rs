//! External commands in separate process groups.
//!
//! A command may start other processes. [`ProcessGroup`] kills all of them before it reaps the
//! leader: until then, the number of the group cannot be reused. The crate is separate from
//! `sqern-archive`, because it shares neither data nor dependencies with it.

mod group;
mod run;
mod tail;

pub use group::ProcessGroup;
pub use run::{Finished, run};
pub use tail::{OutputTail, printable_lines};

#[cfg(test)]
mod test_support {
    use std::path::Path;
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    /// Returns a command that runs a text in `/bin/sh`.
    pub(crate) fn shell(text: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]);
        command
    }

    /// Returns whether a process no longer exists, or is a zombie that another process must reap.
    /// Waits at most 2 seconds.
    pub(crate) fn is_gone(process: &str) -> bool {
        let directory = Path::new("/proc").join(process);
        let is_zombie = || {
            std::fs::read_to_string(directory.join("stat")).is_ok_and(|stat| stat.contains(") Z "))
        };
        !process.is_empty()
            && (0..100).any(|_| {
                thread::sleep(Duration::from_millis(20));
                !directory.exists() || is_zombie()
            })
    }
}
