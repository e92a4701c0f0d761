//! The state of standard output when the program started.
//!
//! Before `main`, the standard library opens `/dev/null` on each of the descriptors 0 to 2 that is
//! closed. Each later write to such a descriptor succeeds, so a program cannot report that its
//! output is lost. The flags of the descriptor do not show this either: the standard library opens
//! `/dev/null` for reading and writing, as daemon(3) and `subprocess.DEVNULL` of Python do for
//! output that the caller discards. Therefore, a function that the loader calls before the standard
//! library starts records the state.

use std::sync::atomic::{AtomicBool, Ordering};

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Returns whether standard output was open when the program started.
#[must_use]
pub fn was_stdout_open() -> bool {
    !IS_CLOSED.load(Ordering::Relaxed)
}

/// Records whether standard output is closed. The standard library is not initialized yet, so this
/// function only makes a system call and writes an atomic variable.
extern "C" fn record() {
    let flags = rustix::fs::fcntl_getfl(rustix::stdio::stdout());
    IS_CLOSED.store(flags == Err(rustix::io::Errno::BADF), Ordering::Relaxed);
}

#[used]
#[allow(
    unsafe_code,
    reason = "these sections contain the functions that the loader calls before main; their type is that of the static"
)]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static AT_START: extern "C" fn() = record;
