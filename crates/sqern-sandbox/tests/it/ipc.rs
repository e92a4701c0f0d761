//! Objects that processes share: System V IPC and POSIX message queues.

use sqern_sandbox::Method;

use crate::support::{Fixture, with_each_method};

/// Prints a line for each kind of object: the name of its call, and `ok` or the error. The arguments
/// are the key of the objects, and the flag of IPC calls and that of `mq_open` for the creation.
const OPEN: &str = r"
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
key, create, mq_create = map(int, sys.argv[1:])
for name, arguments in (
    ('shmget', (key, 4096, create | 0o600)),
    ('semget', (key, 1, create | 0o600)),
    ('msgget', (key, create | 0o600)),
    ('mq_open', (b'/sqern-%d' % key, mq_create | 2, 0o600, None)),
):
    result = getattr(libc, name)(*arguments)
    print(name, 'ok' if result >= 0 else errno.errorcode[ctypes.get_errno()])
";

/// Prints the error of each call for an object that does not exist.
const USE: &str = r"
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
none = ctypes.c_void_p(None)
buffer = ctypes.create_string_buffer(4096)
for name, arguments in (
    ('shmat', (-1, none, 0)),
    ('shmctl', (-1, 2, buffer)),
    ('shmdt', (none,)),
    ('semop', (-1, buffer, 1)),
    ('semtimedop', (-1, buffer, 1, none)),
    ('semctl', (-1, 0, 11)),
    ('msgsnd', (-1, buffer, 1, 0)),
    ('msgrcv', (-1, buffer, 1, 0, 0)),
    ('msgctl', (-1, 2, buffer)),
    ('mq_timedsend', (-1, buffer, 1, 0, none)),
    ('mq_timedreceive', (-1, buffer, 1, none, none)),
    ('mq_notify', (-1, none)),
    ('mq_getattr', (-1, buffer)),
):
    assert getattr(libc, name)(*arguments) == -1, name
    print(name, errno.errorcode[ctypes.get_errno()])
libc.mq_unlink(b'/sqern-none')
print('mq_unlink', errno.errorcode[ctypes.get_errno()].replace('EACCES', 'EPERM'))
";

/// Runs a Python script with these arguments, and returns its lines.
fn run(fixture: &Fixture, code: &str, arguments: &str) -> Vec<String> {
    let mut policy = fixture.policy.clone();
    policy.scratch.files = vec![("ipc.py".to_owned(), code.to_owned())];
    let finished = fixture
        .try_run(&policy, &format!("python3 ipc.py {arguments}"))
        .unwrap();
    assert!(
        finished.status.is_some_and(|status| status.success()),
        "{}",
        finished.output
    );
    finished.output.lines().map(str::to_owned).collect()
}

#[test]
fn ipc_objects_of_a_command_are_not_visible_to_another() {
    with_each_method(|fixture| {
        let key = std::process::id();
        let created = run(
            fixture,
            OPEN,
            &format!("{key} {} {}", 0o1000, libc::O_CREAT),
        );
        let expected = if fixture.is(Method::Bubblewrap) {
            "ok"
        } else {
            "EPERM"
        };
        let all = ["shmget", "semget", "msgget", "mq_open"];
        assert_eq!(created, all.map(|name| format!("{name} {expected}")));
        let found = run(fixture, OPEN, &format!("{key} 0 0"));
        assert!(
            found.len() == all.len() && !found.iter().any(|line| line.ends_with(" ok")),
            "{found:?}"
        );
    });
}

#[test]
fn ipc_without_a_namespace_is_rejected() {
    with_each_method(|fixture| {
        let errors = run(fixture, USE, "");
        let rejected = errors.iter().filter(|line| line.ends_with(" EPERM"));
        let expected = if fixture.is(Method::Landlock) { 14 } else { 0 };
        assert_eq!(rejected.count(), expected, "{errors:?}");
    });
}
