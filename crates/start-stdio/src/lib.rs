//! The file descriptors with which the program started.
//!
//! # Standard output
//!
//! Before `main`, the standard library opens `/dev/null` on each of the descriptors 0 to 2 that is
//! closed. Each later write to such a descriptor succeeds, so a program cannot report that its
//! output is lost. The flags of the descriptor do not show this either: the standard library opens
//! `/dev/null` for reading and writing, as daemon(3) and `subprocess.DEVNULL` of Python do for
//! output that the caller discards. Therefore, a function that the loader calls before the standard
//! library starts records the state.
//!
//! # Other descriptors
//!
//! A program also inherits the descriptors above 2 that its parent left open, for example `9<file`
//! in a shell. Its child processes inherit them again, unless [`set_close_on_exec`] is called. The
//! standard library opens other descriptors with close-on-exec.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};

/// The directory with an entry for each open descriptor of this process.
#[cfg(target_os = "linux")]
const DESCRIPTORS: &str = "/proc/self/fd";
#[cfg(not(target_os = "linux"))]
const DESCRIPTORS: &str = "/dev/fd";

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Returns whether standard output was open when the program started.
#[must_use]
pub fn was_stdout_open() -> bool {
    !IS_CLOSED.load(Ordering::Relaxed)
}

/// Returns the descriptors above 2 that child processes inherit. At the start of a program, these
/// are the descriptors that the program inherited.
///
/// # Errors
///
/// Returns an error if the descriptors cannot be listed, for example because `/proc` is not mounted.
pub fn inherited_descriptors() -> io::Result<Vec<RawFd>> {
    let mut inherited = Vec::new();
    // The descriptor of the listing has close-on-exec.
    for entry in std::fs::read_dir(DESCRIPTORS)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.parse().ok());
        let Some(number) = number.filter(|number| *number > 2) else {
            continue;
        };
        if !fcntl_getfd(borrow(number))?.contains(FdFlags::CLOEXEC) {
            inherited.push(number);
        }
    }
    Ok(inherited)
}

/// Sets close-on-exec on all descriptors above 2, so that child processes do not inherit them. The
/// descriptors remain open in this process, for example for the argument `/dev/fd/63` by which a
/// shell replaces `<(command)`. The program must call this function before it starts a thread.
///
/// # Errors
///
/// Returns an error if the descriptors cannot be listed or changed.
pub fn set_close_on_exec() -> io::Result<()> {
    for number in inherited_descriptors()? {
        fcntl_setfd(borrow(number), FdFlags::CLOEXEC)?;
    }
    Ok(())
}

/// Returns the descriptor with a number, for one call of fcntl(2).
#[allow(
    unsafe_code,
    reason = "no safe function sets a flag of a descriptor that another program opened"
)]
fn borrow(number: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the number is that of an open descriptor, because it was listed and no other thread
    // exists that could close it. The callers do not keep the result.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Records whether standard output is closed. The standard library is not initialized yet, so this
/// function only makes a system call and writes an atomic variable.
extern "C" fn record() {
    let flags = rustix::fs::fcntl_getfl(rustix::stdio::stdout());
    IS_CLOSED.store(flags == Err(Errno::BADF), Ordering::Relaxed);
}

#[used]
#[allow(
    unsafe_code,
    reason = "these sections contain the functions that the loader calls before main; their type is that of the static"
)]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static AT_START: extern "C" fn() = record;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn inherited_descriptors_receive_close_on_exec() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(fcntl_getfd(&file).unwrap(), FdFlags::CLOEXEC);
        assert!(!inherited_descriptors().unwrap().contains(&file.as_raw_fd()));
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        assert!(inherited_descriptors().unwrap().contains(&file.as_raw_fd()));
        set_close_on_exec().unwrap();
        assert_eq!(fcntl_getfd(&file).unwrap(), FdFlags::CLOEXEC);
    }
}
