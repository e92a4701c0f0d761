//! `sqern build`, `sqern test` and `sqern available`.

mod execute;
mod pipeline;

use crate::program::{Program, field};

/// Returns a program with a database in which these kernels of debian12 are fetched.
pub async fn fetched(versions: &[&str]) -> Program {
    let program = Program::new().await;
    let client = program.database.client().await;
    for table in ["kver", "kver_seen", "kver_fetched"] {
        let insert =
            format!("INSERT INTO {table} (distro, version) SELECT 'debian12', unnest($1::text[])");
        client.execute(&insert, &[&versions]).await.unwrap();
    }
    program
}

const RELEASE: [&str; 4] = ["--revision", "21.0", "--target", "lab"];

fn with_release<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, &RELEASE, more].concat()
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "each step uses the results of the previous one"
)]
async fn shell_steps_receive_ids_and_record_results() {
    let program = fetched(&["6.1.0-1-amd64", "6.1.0-2-amd64", "6.1.0-3-amd64"]).await;
    let started = program
        .command(&with_release(&["build", "start"], &["--claim", "2"]))
        .envs([
            ("JOB_NAME", "nightly"),
            ("BUILD_NUMBER", "12"),
            ("GERRIT_CHANGE_ID", "I0123"),
        ])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&started.stdout),
        "1\n",
        "{started:?}"
    );
    assert_eq!(
        program
            .value("SELECT jenkins_job || ', ' || change_id FROM sp_build")
            .await,
        "nightly #12, I0123"
    );
    let plan = program.json(&with_release(&["build", "plan"], &[]));
    assert_eq!(
        (field(&plan, "version"), plan["schema"].as_str()),
        (vec!["6.1.0-1-amd64".to_owned()], Some("sqern.run.plan/1"))
    );

    // The owner of a lease is the command line, truncated if it is long. One of these is truncated
    // at a blank.
    for long in ["a ".repeat(200), format!("b{}", " a".repeat(200))] {
        program.done(&with_release(
            &["build", "start"],
            &["--claim", "1", "--dry-run", "--comment", &long],
        ));
    }
    program.done(&["build", "renew", "1"]);
    assert_eq!(
        field(&program.json(&["build", "list"]), "state"),
        ["running"]
    );
    program.done(&[
        "build",
        "finish",
        "1",
        "unstable",
        "--kernel",
        "6.1.0-3-amd64=SUCCESS",
        "--kernel",
        "6.1.0-2-amd64=FAILURE",
    ]);
    let kernels = program.done(&["build", "kernels", "1", "--csv"]);
    assert_eq!(
        kernels.stdout,
        "distro,version,result\ndebian12,6.1.0-3-amd64,SUCCESS\ndebian12,6.1.0-2-amd64,FAILURE\n"
    );

    assert_eq!(
        field(&program.json(&["build", "list"]), "state"),
        ["finished"]
    );
    let started = program.json(&with_release(
        &["test", "start"],
        &["--flavor", "smoke", "--claim", "9"],
    ));
    assert_eq!(
        (
            &started["item"]["id"],
            &started["item"]["kernels"][0]["version"]
        ),
        (&1.into(), &"6.1.0-3-amd64".into())
    );
    let nothing = program.done(&with_release(
        &["test", "start"],
        &["--flavor", "smoke", "--claim", "9"],
    ));
    assert_eq!(
        (nothing.stdout.as_str(), nothing.stderr.trim()),
        ("", "nothing to test")
    );
    program.done(&["test", "finish", "1", "SUCCESS"]);
    let shown = program.done(&["test", "show", "1"]);
    assert!(
        shown.stdout.contains("flavor    smoke")
            && shown.stdout.contains("SUCCESS   debian12 6.1.0-3-amd64"),
        "{shown:?}"
    );

    program.done(&["available", "add", "--test", "1"]);
    let available = program.done(&["available", "list", "--csv"]);
    assert_eq!(
        available.stdout,
        "revision,target,distro,version\n21.0,lab,debian12,6.1.0-3-amd64\n"
    );
    let again = program.done(&with_release(&["available", "add", "--tested"], &[]));
    assert_eq!(again.stderr.trim(), "nothing to change");
    program.done(&with_release(
        &["available", "remove"],
        &["--kernel", "6.1.0-3-amd64"],
    ));
    let back = program.done(&with_release(&["available", "add", "--tested"], &[]));
    assert_eq!(
        back.stderr.trim(),
        "nothing to change",
        "withdrawn modules remain withdrawn"
    );
    program.done(&with_release(
        &["available", "add"],
        &["--kernel", "debian12/6.1.0-3-amd64"],
    ));
    let generation = program
        .value("SELECT max(id) FROM generation WHERE id < (SELECT max(id) FROM generation)")
        .await;
    let before = program.json(&["available", "list", "--at", &generation]);
    assert_eq!(
        before["items"].as_array().map(Vec::len),
        Some(0),
        "the module was not available then"
    );
    let then = program.json(&["build", "list", "--at", "2020-01-01"]);
    assert_eq!(then["items"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "most lines are a table of commands")]
async fn misuse_is_rejected_with_a_hint_and_changes_nothing() {
    let program = fetched(&["6.1.0-1-amd64"]).await;
    let client = program.database.client().await;
    client
        .batch_execute("INSERT INTO kver (distro, version) VALUES ('debian12', '6.1.0-9-amd64')")
        .await
        .unwrap();
    program.done(&with_release(&["build", "start"], &["--claim", "1"]));
    program.done(&["build", "finish", "1", "SUCCESS"]);
    program.done(&with_release(
        &["build", "start"],
        &["--kernel", "6.1.0-1-amd64"],
    ));
    let journal = program.journal().await;
    for (args, status, reported) in [
        (
            &["build", "finish", "1", "FAILURE"][..],
            1,
            "build 1 has already finished with result SUCCESS\n hint: sqern build show 1",
        ),
        (
            &["build", "renew", "1"],
            1,
            "build 1 has already finished with result SUCCESS",
        ),
        (
            &["build", "finish", "77", "SUCCESS"],
            1,
            "build \"77\" does not exist\n hint: sqern build list",
        ),
        (
            &["test", "finish", "1", "SUCCESS"],
            1,
            "test \"1\" does not exist\n hint: sqern test list",
        ),
        (
            &["build", "kernels", "77"],
            1,
            "build \"77\" does not exist",
        ),
        (&["build", "show", "77"], 1, "build \"77\" does not exist"),
        (
            &[
                "build",
                "finish",
                "2",
                "SUCCESS",
                "--kernel",
                "6.1.0-2-amd64=FAILURE",
            ],
            1,
            "kernel 6.1.0-2-amd64 is not part of build 2\n hint: Did you mean 6.1.0-1-amd64?\n hint: sqern build kernels 2",
        ),
        (
            &["build", "finish", "2", "GOOD"],
            2,
            "expected SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED, found \"GOOD\"",
        ),
        (
            &[
                "build",
                "finish",
                "2",
                "SUCCESS",
                "--kernel",
                "6.1.0-1-amd64",
            ],
            2,
            "expected VERSION=RESULT or DISTRO/VERSION=RESULT",
        ),
        (
            &["build", "start", "--revision", "r"],
            2,
            "either --claim or --kernel is required",
        ),
        (
            &["build", "start", "--claim", "1", "--lease", "soon"],
            2,
            "expected a duration such as 90s, 15m or 1h30m, found \"soon\"",
        ),
        (
            &["build", "start", "--kernel", "6.1.0-9-amd64"],
            1,
            "cannot build 6.1.0-9-amd64: headers are not fetched\n hint: sqern fetch --kernel 6.1.0-9-amd64",
        ),
        (
            &[
                "test",
                "start",
                "--build",
                "77",
                "--kernel",
                "6.1.0-1-amd64",
            ],
            1,
            "build \"77\" does not exist\n hint: sqern build list",
        ),
        (
            &["available", "add", "--build", "2"],
            1,
            "build 2 contains no kernel with result SUCCESS",
        ),
        (
            &["available", "add", "--build", "77"],
            1,
            "build \"77\" does not exist",
        ),
        (
            &["available", "add", "--kernel", "6.1.0-1-amd64"],
            2,
            "--revision",
        ),
        (
            &["available", "list", "--distro", "debain12"],
            1,
            "distribution \"debain12\" does not exist\n hint: Did you mean debian12?",
        ),
        (
            &[
                "build",
                "run",
                "--command",
                "true",
                "--logs",
                "/proc/none",
                "--store",
                "/proc/none",
            ],
            1,
            "could not create directory /proc/none",
        ),
    ] {
        let ran = program.run(args);
        assert_eq!(ran.status, status, "{args:?} {ran:?}");
        assert!(ran.stderr.contains(reported), "{args:?} {ran:?}");
    }
    assert_eq!(program.journal().await, journal);
}

#[tokio::test]
async fn names_that_do_not_exist_are_errors_with_similar_names() {
    let program = fetched(&["6.1.0-1-amd64"]).await;
    program.done(&with_release(&["build", "start"], &["--claim", "1"]));
    program.done(&["build", "finish", "1", "SUCCESS"]);
    let journal = program.journal().await;
    let target =
        "release target \"lap\" does not exist\n hint: Did you mean lab?\n hint: sqern build list";
    let revision = "revision \"21.1\" does not exist\n hint: Did you mean 21.0?";
    let kernel =
        "kernel version \"6.1.0-2-amd64\" does not exist\n hint: Did you mean 6.1.0-1-amd64?";
    let distro = "distribution \"debain12\" does not exist\n hint: Did you mean debian12?";
    let build = "build \"9\" does not exist";
    let wrong_kernel = ["--kernel", "6.1.0-2-amd64"];
    for (command, wrong, message) in [
        (
            &["report", "coverage"][..],
            &["--target", "lap"][..],
            target,
        ),
        (&["report", "risk"], &["--target", "lap"], target),
        (&["report", "lag"], &["--target", "lap"], target),
        (&["report", "risk"], &["--revision", "21.1"], revision),
        (&["why", "6.1.0-1-amd64"], &["--target", "lap"], target),
        (&["build", "list"], &["--target", "lap"], target),
        (&["test", "list"], &["--revision", "21.1"], revision),
        (&["available", "list"], &["--target", "lap"], target),
        (
            &["available", "remove", "--built", "--revision", "21.0"],
            &["--target", "lap"],
            target,
        ),
        (
            &[
                "available",
                "add",
                "--built",
                "--revision",
                "21.0",
                "--target",
                "lab",
            ],
            &["--distro", "debain12"],
            distro,
        ),
        (&["build", "plan"], &wrong_kernel, kernel),
        (&["build", "start"], &wrong_kernel, kernel),
        (
            &["build", "start", "--claim", "1"],
            &["--distro", "debain12"],
            distro,
        ),
        (&["test", "plan"], &wrong_kernel, kernel),
        (&["test", "plan"], &["--build", "9"], build),
        (
            &["test", "run", "--command", "true"],
            &["--build", "9"],
            build,
        ),
        (&["cust", "hosts"], &wrong_kernel, kernel),
        (&["event", "list"], &wrong_kernel, kernel),
        (
            &["event", "list"],
            &["--generation", "999"],
            "generation \"999\" does not exist",
        ),
        (
            &["store", "list", "--store", "store"],
            &wrong_kernel,
            kernel,
        ),
        (&["fetch"], &wrong_kernel, kernel),
        (&["ignore", "add", "debain12", "6.*"], &[], distro),
        (&["ignore", "remove", "debain12", "6.*"], &[], distro),
    ] {
        let ran = program.run(&[command, wrong].concat());
        assert!(
            ran.status == 1 && ran.stderr.contains(message),
            "{command:?} {wrong:?}: {ran:?}"
        );
    }
    assert_eq!(program.journal().await, journal);
    // Without a name, or with an existing one, the same commands succeed.
    program.done(&["report", "risk", "--target", "lab"]);
    let planned = program.done(&["build", "plan", "--target", "new"]);
    assert_eq!(
        planned.stderr, "1 kernel to build\n",
        "a new target has a plan"
    );
}

#[tokio::test]
async fn an_empty_plan_of_named_kernels_reports_them() {
    let program = fetched(&["6.1.0-1-amd64"]).await;
    program.done(&["kver", "add", "--distro", "debian12", "6.1.0-2-amd64"]);
    let ran = program.run(&["build", "plan", "--kernel", "6.1.0-2-amd64"]);
    let message = "cannot build 6.1.0-2-amd64: headers are not fetched\n hint: sqern fetch --kernel 6.1.0-2-amd64";
    assert!(ran.status == 1 && ran.stderr.contains(message), "{ran:?}");
    let started = program.done(&with_release(&["build", "start"], &["--claim", "1"]));
    assert_eq!(started.stderr, "started build 1 with 1 kernel\n");
    let planned = program.done(&with_release(
        &["build", "plan"],
        &["--kernel", "6.1.0-1-amd64"],
    ));
    let expected = "nothing to build for 6.1.0-1-amd64\n hint: sqern why 6.1.0-1-amd64  # explains the missing step\n";
    assert_eq!(planned.stderr, expected);
}

#[tokio::test]
async fn an_empty_plan_reports_missing_input() {
    let program = fetched(&[]).await;
    let journal = program.journal().await;
    let ran = program.run(&["build", "plan"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.stderr
            .contains("no kernel headers are fetched\n hint: sqern fetch"),
        "{ran:?}"
    );
    let ran = program.run(&["build", "start", "--claim", "1"]);
    assert!(
        ran.status == 1 && ran.stderr.contains("no kernel headers are fetched"),
        "{ran:?}"
    );
    let ran = program.run(&["test", "plan"]);
    assert!(
        ran.status == 1 && ran.stderr.contains("no build has succeeded"),
        "{ran:?}"
    );
    assert_eq!(program.journal().await, journal);
}

#[tokio::test]
async fn coverage_counts_equal_the_list_in_current_and_past_states() {
    let program = fetched(&["6.1.0-1-amd64", "6.1.0-2-amd64", "6.1.0-3-amd64"]).await;
    program.done(&with_release(
        &["build", "start"],
        &["--kernel", "6.1.0-1-amd64"],
    ));
    program.done(&["build", "finish", "1", "SUCCESS"]);
    let then = program.value("SELECT max(id) FROM generation").await;
    program.done(&["available", "add", "--build", "1"]);
    program.done(&["ignore", "add", "debian12", "6.1.0-2-*"]);
    let now = program.done(&["report", "coverage", "--csv"]);
    let header =
        "distro,known,seen,fetched,built,tested,available,wanted,share_available,unwanted\n";
    assert_eq!(
        now.stdout,
        format!("{header}debian12,0,0,1,0,0,1,2,0.5,1\n")
    );
    let before = program.done(&["report", "coverage", "--csv", "--at", &then]);
    assert_eq!(
        before.stdout,
        format!("{header}debian12,0,0,2,1,0,0,3,0.0,0\n")
    );
    for at in [&[][..], &["--at", &then]] {
        let numbers = program.json(&[&["report", "coverage"], at].concat());
        let kernels = program.json(&[&["report", "coverage", "--kernels"], at].concat());
        for stage in ["fetched", "built", "available"] {
            let items = kernels["items"].as_array().unwrap();
            let count = items
                .iter()
                .filter(|kernel| kernel["stage"] == stage && kernel["wanted"] == true)
                .count();
            assert_eq!(numbers["items"][0][stage], count, "{stage} {at:?}");
        }
    }
}
