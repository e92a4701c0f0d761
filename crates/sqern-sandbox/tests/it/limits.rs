//! Resource limits and system calls.

use std::time::{Duration, Instant};

use sqern_sandbox::{Limits, Method};

use crate::support::{SCRATCH_BYTES, code, with_each_method};

#[test]
fn files_cannot_exceed_the_size_of_the_scratch_directory() {
    with_each_method(|fixture| {
        let finished = fixture.run(&format!(
            "head -c {} /dev/zero >small && echo small; head -c {} /dev/zero >large; wc -c <large",
            SCRATCH_BYTES / 2,
            SCRATCH_BYTES * 4,
        ));
        let size = finished.output.lines().last().unwrap().trim();
        assert!(
            finished.output.starts_with("small\n") && size.parse::<u64>().unwrap() <= SCRATCH_BYTES,
            "{}",
            finished.output
        );
        if fixture.is(Method::Bubblewrap) {
            let finished = fixture.run(
                "for i in 1 2 3 4; do head -c 600000 /dev/zero >$i || exit 1; done 2>/dev/null",
            );
            assert_ne!(code(&finished), Some(0), "all files have a size limit");
            let finished = fixture.run("echo text >/dev/shm/file || echo text >/file");
            assert_ne!(
                code(&finished),
                Some(0),
                "other directories are not writable"
            );
        }
    });
}

#[test]
fn number_of_processes_is_limited() {
    with_each_method(|fixture| {
        let mut policy = fixture.policy.clone();
        policy.limits = Limits {
            processes: Some(40),
            ..Limits::default()
        };
        let start = Instant::now();
        let bomb = "import os, time
started = 0
for _ in range(500):
    try:
        if os.fork() == 0:
            time.sleep(600)
        started += 1
    except OSError:
        break
print(started, flush=True)
";
        policy.scratch.files = vec![("bomb.py".to_owned(), bomb.to_owned())];
        let finished = fixture.try_run(&policy, "python3 bomb.py; exit 0").unwrap();
        let started: u32 = finished
            .output
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{}", finished.output));
        assert!(started > 0 && started < 300, "{started}");

        // The processes of a fork bomb are killed, too.
        let finished = fixture
            .try_run(&policy, "f() { f & f & }; f; sleep 0.3; exit 5")
            .unwrap();
        assert!(finished.status.is_some() && start.elapsed() < Duration::from_secs(60));
    });
}

#[test]
fn memory_and_cpu_time_are_limited() {
    with_each_method(|fixture| {
        let mut policy = fixture.policy.clone();
        policy.limits = Limits {
            address_space_bytes: Some(256 << 20),
            cpu_seconds: Some(1),
            ..Limits::default()
        };
        let finished = fixture
            .try_run(
                &policy,
                "python3 -c 'bytearray(300 << 20)' 2>&1 | tail -n 1",
            )
            .unwrap();
        assert!(
            finished.output.contains("MemoryError"),
            "{}",
            finished.output
        );
        let finished = fixture.try_run(&policy, "while :; do :; done").unwrap();
        assert!(finished.status.is_some_and(|status| !status.success()));
    });
}

#[test]
fn privileged_system_calls_are_rejected() {
    with_each_method(|fixture| {
        let mut policy = fixture.policy.clone();
        let script = "import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    ctypes.set_errno(0)
    result = getattr(libc, name)(*arguments)
    print(name, errno.errorcode.get(ctypes.get_errno(), result))
call('unshare', 0x10000000)
call('mount', b'none', b'/tmp', b'tmpfs', 0, None)
call('ptrace', 0, 0, 0, 0)
call('syscall', 425, 8, None)
call('syscall', 435, None, 0)
call('syscall', 0x40000000 | 41, 2, 1, 0)
call('syscall', 250, 0, 0)
call('syscall', 467, 0, 0, 0, 0, 0)
call('clone', None, None, 0x10000000 | 17, None)
";
        policy.scratch.files = vec![("calls.py".to_owned(), script.to_owned())];
        let finished = fixture
            .try_run(
                &policy,
                "python3 calls.py; grep -E 'NoNewPrivs|Seccomp:|CapEff|CapBnd' /proc/self/status",
            )
            .unwrap();
        let expected = "unshare EPERM\nmount EPERM\nptrace EPERM\nsyscall EPERM\nsyscall ENOSYS\nsyscall EPERM\n\
             syscall EPERM\nsyscall EPERM\nclone E";
        assert!(finished.output.starts_with(expected), "{}", finished.output);
    });
}
