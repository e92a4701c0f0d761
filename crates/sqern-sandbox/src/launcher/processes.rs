//! The processes that a command started.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

/// The processes of this machine, in `/proc`.
pub(super) struct Processes {
    /// The directory, for its files.
    proc: OwnedFd,
    /// The directory, for its entries.
    entries: Dir,
}

/// A process and its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    id: i32,
    parent: i32,
}

impl Processes {
    /// Opens `/proc`.
    ///
    /// # Errors
    ///
    /// Returns an error if the directory cannot be opened.
    pub(super) fn open() -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || rustix::fs::open("/proc", flags, Mode::empty());
        Ok(Self {
            proc: open()?,
            entries: Dir::new(open()?)?,
        })
    }

    /// Kills all descendants of this process, and waits until they have exited. They cannot escape,
    /// because this process is a subreaper: the child processes of an exited descendant become
    /// children of this process.
    ///
    /// All processes are stopped before the first is killed, because otherwise they could create
    /// new processes faster than they are found.
    ///
    /// # Errors
    ///
    /// Returns an error if the descendants cannot be determined, such as if this process cannot open
    /// files.
    pub(super) fn kill_descendants(&mut self) -> io::Result<()> {
        loop {
            let mut found = self.descendants()?;
            if found.is_empty() {
                return Ok(());
            }
            loop {
                self.signal(&found, Signal::STOP)?;
                let again = self.descendants()?;
                if again.iter().all(|process| found.contains(process)) {
                    break;
                }
                found = again;
            }
            self.signal(&found, Signal::KILL)?;
        }
    }

    fn signal(&self, processes: &[Process], signal: Signal) -> io::Result<()> {
        for process in processes {
            let Some(id) = Pid::from_raw(process.id) else {
                continue;
            };
            let descriptor = match pidfd_open(id, PidfdFlags::empty()) {
                Ok(descriptor) => descriptor,
                // The process has exited, and a thread can have its ID.
                Err(Errno::SRCH | Errno::INVAL) => continue,
                Err(error) => return Err(error.into()),
            };
            // The ID might be that of another process since it was read.
            if self.parent_of_living(process.id)? == Some(process.parent) {
                let _ = pidfd_send_signal(descriptor, signal);
            }
        }
        Ok(())
    }

    /// Returns all descendants that have not exited.
    fn descendants(&mut self) -> io::Result<Vec<Process>> {
        let mut ids: Vec<i32> = Vec::new();
        self.entries.rewind();
        while let Some(entry) = self.entries.read() {
            let entry = entry?;
            let id = entry.file_name().to_str().ok();
            ids.extend(id.and_then(|name| name.parse::<i32>().ok()));
        }
        let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
        for id in ids {
            if let Some(parent) = self.parent_of_living(id)? {
                let process = Process { id, parent };
                children.entry(parent).or_default().push(process);
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
        Ok(found)
    }

    /// Returns the parent of a process; `None` if the process has exited (proc(5)).
    fn parent_of_living(&self, process: i32) -> io::Result<Option<i32>> {
        let stat = match self.stat(process) {
            // The process has exited, or the option hidepid of proc(5) hides processes of others.
            Err(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => return Ok(None),
            stat => stat?,
        };
        // The name of the program, in parentheses, can contain blanks and parentheses.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields);
        let mut fields = fields.unwrap_or_default().split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        let is_living = state.is_some_and(|state| !matches!(state, "Z" | "X"));
        Ok(parent
            .and_then(|parent| parent.parse().ok())
            .filter(|_| is_living))
    }

    /// Returns the content of the file `stat` of a process.
    fn stat(&self, process: i32) -> rustix::io::Result<String> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.proc, format!("{process}/stat"), flags, Mode::empty())?;
        let mut stat = Vec::new();
        File::from(file)
            .read_to_end(&mut stat)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        // A program can have any name.
        Ok(String::from_utf8_lossy(&stat).into_owned())
    }
}
