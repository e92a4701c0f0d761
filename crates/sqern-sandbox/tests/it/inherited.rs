//! Files that the caller has opened.

use std::fs::{self, File};
use std::os::fd::AsRawFd as _;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::support::{code, with_each_method};

/// Prints the open descriptors above 2, and the descriptors of the launcher and of the caller that
/// can be opened. The argument is the process ID of the caller.
const FIND: &str = r"
import os, sys
for number in range(3, 1024):
    try:
        os.fstat(number)
        print('inherited', number)
    except OSError:
        pass
for process in os.getppid(), int(sys.argv[1]):
    for number in range(3, 1024):
        try:
            if 'secret' in open(f'/proc/{process}/fd/{number}').read():
                print('opened', process, number)
        except OSError:
            pass
print('end')
";

#[test]
fn descriptors_of_the_caller_are_not_open_in_the_command() {
    with_each_method(|fixture| {
        let path = fixture.path("other/file");
        fs::write(&path, "secret\n").unwrap();
        let file = File::open(&path).unwrap();
        assert!(file.as_raw_fd() > 2);
        // As in `sqern fetch 9<file`.
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        let mut policy = fixture.policy.clone();
        policy.scratch.files = vec![("find.py".to_owned(), FIND.to_owned())];
        let script = format!("exec python3 -c \"$(cat find.py)\" {}", std::process::id());
        let finished = fixture.try_run(&policy, &script).unwrap();
        assert_eq!(
            (code(&finished), finished.output.as_str()),
            (Some(0), "end\n")
        );
    });
}
