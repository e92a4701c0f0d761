//! The processes that a command started.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

/// A process and its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    id: i32,
    parent: i32,
}

/// Kills all descendants of this process, and waits until they have exited. They cannot escape,
/// because this process is a subreaper: the child processes of an exited descendant become children
/// of this process.
///
/// All processes are stopped before the first is killed, because otherwise they could create new
/// processes faster than they are found.
pub(super) fn kill_descendants() {
    loop {
        let mut found = descendants();
        if found.is_empty() {
            break;
        }
        loop {
            signal(&found, Signal::STOP);
            let again = descendants();
            if again.iter().all(|process| found.contains(process)) {
                break;
            }
            found = again;
        }
        signal(&found, Signal::KILL);
    }
}

fn signal(processes: &[Process], signal: Signal) {
    for process in processes {
        let descriptor =
            Pid::from_raw(process.id).and_then(|id| pidfd_open(id, PidfdFlags::empty()).ok());
        // The id might be that of another process since it was read.
        if let Some(descriptor) = descriptor
            && parent_of_living(process.id) == Some(process.parent)
        {
            let _ = pidfd_send_signal(descriptor, signal);
        }
    }
}

/// Returns all descendants that have not exited.
fn descendants() -> Vec<Process> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = parent_of_living(id) {
            children
                .entry(parent)
                .or_default()
                .push(Process { id, parent });
        }
    }
    let mut found = Vec::new();
    let mut next = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = next.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(child);
            next.push(child.id);
        }
    }
    found
}

/// Returns the parent of a process; `None` if the process has exited (proc(5)).
fn parent_of_living(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, can contain blanks and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(parent)
}
