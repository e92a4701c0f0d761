//! Processes of a command.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sqern_sandbox::{Output, Policy, Program};

use crate::support::{Fixture, appears, with_each_method};

/// Returns a policy with a directory in which the command can create files.
fn with_output(fixture: &Fixture) -> (Policy, PathBuf) {
    let output = fixture.path("output");
    fs::create_dir_all(&output).unwrap();
    fs::set_permissions(&output, fs::Permissions::from_mode(0o777)).unwrap();
    let mut policy = fixture.policy.clone();
    policy.writable = vec![output.clone()];
    (policy, output)
}

/// Returns a script that leaves a process in another session, and then runs `rest`. The process
/// creates the file `survived` after a second.
fn escape(output: &std::path::Path, rest: &str) -> String {
    format!(
        "setsid sh -c 'touch {0}/started; sleep 1; touch {0}/survived' >/dev/null 2>&1 &
         while [ ! -e {0}/started ]; do sleep 0.02; done; {rest}",
        output.display()
    )
}

#[test]
fn no_process_survives_the_exit_of_the_command() {
    with_each_method(|fixture| {
        let (policy, output) = with_output(fixture);
        let finished = fixture
            .try_run(&policy, &escape(&output, "exit 4"))
            .unwrap();
        assert_eq!(finished.status.and_then(|status| status.code()), Some(4));
        assert!(output.join("started").exists() && !appears(&output.join("survived")));
    });
}

#[test]
fn no_process_survives_the_time_limit() {
    with_each_method(|fixture| {
        let (policy, output) = with_output(fixture);
        let limited = Fixture {
            time_limit: Duration::from_millis(700),
            ..Fixture::new(fixture.sandbox().method())
        };
        let start = Instant::now();
        let finished = limited
            .try_run(&policy, &escape(&output, "sleep 600"))
            .unwrap();
        assert!(finished.status.is_none() && start.elapsed() < Duration::from_secs(60));
        assert!(!appears(&output.join("survived")));
    });
}

#[test]
fn no_process_survives_a_dropped_command() {
    with_each_method(|fixture| {
        let (policy, output) = with_output(fixture);
        let program = Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), escape(&output, "sleep 600").into()],
            directory: None,
        };
        let null = Output {
            stdout: Stdio::null(),
            stderr: Stdio::null(),
        };
        let running = fixture
            .sandbox()
            .start(&policy, &program, null, || ())
            .unwrap();
        assert!(appears(&output.join("started")));
        drop(running);
        assert!(!appears(&output.join("survived")));
    });
}

#[test]
fn command_can_handle_a_request_to_terminate() {
    with_each_method(|fixture| {
        let (policy, output) = with_output(fixture);
        let script = format!(
            "trap 'exit 9' TERM; touch {0}/started; while :; do sleep 0.02; done",
            output.display()
        );
        let program = Program {
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: None,
        };
        let null = Output {
            stdout: Stdio::null(),
            stderr: Stdio::null(),
        };
        let (sender, exited) = mpsc::channel();
        let running = fixture
            .sandbox()
            .start(&policy, &program, null, move || {
                let _ = sender.send(());
            })
            .unwrap();
        assert!(appears(&output.join("started")));
        running.terminate();
        exited.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(running.finish().unwrap().status.code(), Some(9));
    });
}

#[test]
fn signal_that_ended_the_command_is_returned() {
    with_each_method(|fixture| {
        let finished = fixture.run("kill -SEGV $$");
        assert_eq!(finished.status.and_then(|status| status.signal()), Some(11));
        assert!(!finished.status.unwrap().core_dumped());
    });
}

#[test]
fn processes_of_the_caller_receive_no_signal() {
    with_each_method(|fixture| {
        let mut victim = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let script = format!("kill {} || echo error", victim.id());
        let finished = fixture.run(&script);
        assert!(finished.output.ends_with("error\n"), "{}", finished.output);
        assert!(victim.try_wait().unwrap().is_none());
        victim.kill().unwrap();
        victim.wait().unwrap();
    });
}

#[test]
fn limits_and_priorities_of_other_processes_cannot_be_changed() {
    // The system calls that the functions of the C library use.
    let script = "import ctypes, errno, os, platform, resource, subprocess
libc = ctypes.CDLL(None, use_errno=True)
ioprio_set, move_pages = {'x86_64': (251, 279), 'aarch64': (30, 239)}[platform.machine()]
def attempt(name, function, *arguments):
    try:
        result = function(*arguments)
        error = ctypes.get_errno() if result == -1 else 0
    except OSError as raised:
        error = raised.errno
    print(name, errno.errorcode.get(error, 'done'))
child = subprocess.Popen(['sleep', '60'])
cpus = os.sched_getaffinity(0)
for name, pid in [('self', 0), ('other', child.pid)]:
    attempt(name, resource.prlimit, pid, resource.RLIMIT_NOFILE, (100, 100))
    attempt(name, os.setpriority, os.PRIO_PROCESS, pid, 5)
    attempt(name, os.sched_setaffinity, pid, cpus)
    attempt(name, os.sched_setscheduler, pid, os.SCHED_BATCH, os.sched_param(0))
    attempt(name, os.sched_setparam, pid, os.sched_param(0))
    attempt(name, libc.syscall, ioprio_set, 1, pid, 3 << 13)
    attempt(name, libc.syscall, move_pages, pid, 0, None, None, None, 0)
attempt('group', os.setpriority, os.PRIO_PGRP, 0, 6)
attempt('user', os.setpriority, os.PRIO_USER, 0, 6)
attempt('user', libc.syscall, ioprio_set, 3, 0, 3 << 13)
child.kill()
";
    with_each_method(|fixture| {
        let mut policy = fixture.policy.clone();
        policy.scratch.files = vec![("change.py".to_owned(), script.to_owned())];
        let run = |script: &str| fixture.try_run(&policy, script).unwrap().output;
        let expected = ["self done\n"; 7].into_iter().chain(["other EPERM\n"; 7]);
        let expected = expected.chain(["group EPERM\n", "user EPERM\n", "user EPERM\n"]);
        assert_eq!(run("python3 change.py"), expected.collect::<String>());
        let output = run("ulimit -n 50 && ulimit -n && nice -n 3 nice");
        assert_eq!(output, "50\n3\n");
    });
}

/// Returns the ID of the process whose command line has this start and contains this text.
fn process_id(start: &str, text: &str) -> Option<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|id| {
            let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            line.starts_with(start) && line.contains(text)
        })
}

#[test]
fn processes_that_cannot_be_killed_are_reported() {
    with_each_method(|fixture| {
        let (policy, output) = with_output(fixture);
        let text = output.display();
        let script = format!(
            "setsid sh -c 'touch {text}/started; sleep 20' >/dev/null 2>&1 &
             while [ ! -e {text}/exit ]; do sleep 0.02; done"
        );
        std::thread::scope(|scope| {
            let result = scope.spawn(|| fixture.try_run(&policy, &script));
            assert!(appears(&output.join("started")));
            let command = process_id("/bin/sh", &text.to_string()).unwrap();
            let stat = fs::read_to_string(format!("/proc/{command}/stat")).unwrap();
            let (_, fields) = stat.rsplit_once(')').unwrap();
            let launcher = fields.split_whitespace().nth(1).unwrap().parse().unwrap();
            // Without descriptors, the launcher cannot read the files of processes.
            rustix::process::prlimit(
                rustix::process::Pid::from_raw(launcher),
                rustix::process::Resource::Nofile,
                rustix::process::Rlimit {
                    current: Some(0),
                    maximum: Some(0),
                },
            )
            .unwrap();
            fs::write(output.join("exit"), "").unwrap();
            let error = result.join().unwrap().map(drop).unwrap_err().to_string();
            let expected = "could not kill the processes of the command: Too many open files";
            assert!(error.contains(expected), "{error}");
        });
    });
}

#[test]
fn missing_programs_are_errors() {
    with_each_method(|fixture| {
        let program = Program {
            path: "/nonexistent/program".into(),
            arguments: vec![],
            directory: None,
        };
        let error = fixture
            .sandbox()
            .run(&fixture.policy, &program, Duration::from_secs(60), 1000)
            .map(drop)
            .unwrap_err();
        assert!(
            error.to_string().starts_with(
                "could not create the sandbox: could not run /nonexistent/program: No such file"
            ),
            "{error}"
        );
    });
}
