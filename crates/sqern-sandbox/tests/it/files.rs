//! Access to files.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use sqern_sandbox::{Error, Method};

use crate::support::{Fixture, code, with_each_method};

#[test]
fn output_exit_status_and_results_are_returned() {
    with_each_method(|fixture| {
        let mut policy = fixture.policy.clone();
        policy.scratch.files = vec![("input".to_owned(), "text of the input".to_owned())];
        policy.scratch.results = ["result", "absent", "link", "large"]
            .map(str::to_owned)
            .into();
        policy.scratch.max_result_bytes = 300_000;
        let script = "cat input $TREE/header; echo error >&2; pwd; env | grep -c .
            head -c 300000 /dev/zero >result; head -c 300001 /dev/zero >large; ln -s input link; exit 3";
        let finished = fixture.try_run(&policy, script).unwrap();
        let expected = format!(
            "text of the inputcontent\nerror\n{}\n4\n",
            policy.scratch.path.display()
        );
        assert_eq!((code(&finished), finished.output), (Some(3), expected));
        let sizes: Vec<Option<usize>> = finished
            .results
            .iter()
            .map(|content| content.as_ref().map(Vec::len))
            .collect();
        assert_eq!(sizes, [Some(300_000), None, None, None]);
        let applied = finished.applied.unwrap();
        assert!(fixture.is(applied.method));
        let names: Vec<&str> = applied.restrictions.iter().map(String::as_str).collect();
        let required: &[&str] = match applied.method {
            Method::Bubblewrap => &["mount-namespace", "pid-namespace", "network-namespace"],
            Method::Landlock => &[],
        };
        for name in ["seccomp", "no-new-privileges", "resource-limits"]
            .iter()
            .chain(required)
        {
            assert!(names.contains(name), "{name}: {names:?}");
        }
    });
}

#[test]
fn system_files_are_readable() {
    with_each_method(|fixture| {
        let script = "for file in /etc/passwd /etc/ld.so.cache /usr/bin/env /bin/sh /dev/zero; do
               test -e $file || continue
               head -c 1 $file >/dev/null || exit 1
             done
             awk 'BEGIN { exit 3 }'  # A link to /etc/alternatives on Debian.";
        let finished = fixture.run(script);
        assert_eq!(code(&finished), Some(3), "{}", finished.output);
    });
}

#[test]
fn only_the_scratch_directory_is_writable() {
    with_each_method(|fixture| {
        let outside = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).unwrap();
        for directory in [fixture.path("tree"), fixture.path("other")] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let other = fixture.path("other");
        let script = format!(
            "for directory in $TREE {} {} /usr /etc /; do
               touch $directory/written 2>/dev/null && echo wrote $directory
             done
             echo text >$TREE/header; rm -f $TREE/header; touch scratch && echo scratch",
            other.display(),
            outside.path().display()
        );
        let finished = fixture.run(&script);
        assert!(
            finished.output.ends_with("scratch\n"),
            "{}",
            finished.output
        );
        assert!(!finished.output.contains("wrote"), "{}", finished.output);
        assert_eq!(
            fs::read_to_string(fixture.path("tree/header")).unwrap(),
            "content\n"
        );
        for directory in [&fixture.path("tree"), &other, outside.path()] {
            assert!(!directory.join("written").exists());
        }
    });
}

#[test]
fn other_files_of_the_user_are_not_readable() {
    with_each_method(|fixture| {
        let secret = fixture.path("other/secret");
        fs::write(&secret, "hunter2").unwrap();
        let script = format!(
            "cat {} /proc/$PPID/environ /etc/shadow /etc/hostname; ls {}; echo end",
            secret.display(),
            fixture.path("other").display()
        );
        let finished = fixture.run(&script);
        assert!(finished.output.ends_with("end\n"));
        let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
        assert!(
            !finished.output.contains("hunter2") && !finished.output.contains(&format!("{host}\n")),
            "{}",
            finished.output
        );
    });
}

#[test]
fn environment_of_the_caller_is_not_readable() {
    with_each_method(|fixture| {
        let caller = std::process::id();
        let script = format!(
            "cat /proc/{caller}/environ /proc/{caller}/cmdline && exit 1
             for file in /proc/[0-9]*/environ; do cat $file; done 2>/dev/null | tr '\\0' '\\n' | grep CARGO && exit 2
             exit 0"
        );
        let finished = fixture.run(&script);
        assert_eq!(code(&finished), Some(0), "{}", finished.output);
    });
}

#[test]
fn commands_of_root_write_files_as_another_user() {
    with_each_method(|fixture| {
        let mut policy = fixture.policy.clone();
        let output = fixture.path("output");
        fs::create_dir(&output).unwrap();
        fs::set_permissions(&output, fs::Permissions::from_mode(0o777)).unwrap();
        policy.writable = vec![output.clone()];
        let script = format!(
            "touch {0}/file; chmod 4755 {0}/file; id -u",
            output.display()
        );
        let finished = fixture.try_run(&policy, &script).unwrap();
        let owner = fs::metadata(output.join("file")).unwrap();
        let caller = rustix::process::geteuid().as_raw();
        if caller == 0 {
            assert_ne!(owner.uid(), 0, "{}", finished.output);
        } else {
            assert_eq!(owner.uid(), caller);
        }
        assert!(finished.output.ends_with(&format!("{}\n", owner.uid())));
        assert_eq!(owner.mode() & 0o6000, 0, "no file can be set-user-ID");
    });
}

#[test]
fn unreadable_trees_are_reported() {
    with_each_method(|fixture| {
        fs::set_permissions(fixture.path("tree"), fs::Permissions::from_mode(0o000)).unwrap();
        let error = fixture
            .try_run(&fixture.policy, "true")
            .map(drop)
            .unwrap_err();
        assert!(
            matches!(&error, Error::Setup(reason) if reason.starts_with("could not read ")),
            "{error}"
        );
    });
}

#[test]
fn without_a_sandbox_only_environment_and_results_apply() {
    let fixture = Fixture::new(None);
    let mut policy = fixture.policy.clone();
    policy.scratch.results = vec!["result".to_owned()];
    policy.scratch.max_result_bytes = 10;
    let finished = fixture
        .try_run(&policy, "echo text >result; touch $TREE/written; env")
        .unwrap();
    assert!(!finished.output.contains("CARGO"), "{}", finished.output);
    assert_eq!(finished.results, [Some(b"text\n".to_vec())]);
    assert!(fixture.path("tree/written").exists() && finished.applied.is_none());
}
