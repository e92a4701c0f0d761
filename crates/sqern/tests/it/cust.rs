//! `sqern cust`: each report is recorded completely or not at all.

mod formats;
mod kill;
mod limits;
mod lists;
mod order;
mod refused;
mod schema;
mod unsupported;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Program, Ran};

/// Returns a report with the clusters acme-1 (h1, h2) and beta (b1). Each host has an old kernel,
/// and runs a newer one.
pub fn two_clusters() -> Value {
    json!({"clusters": [
        {"name": "acme-1", "type": "production", "hosts": [host("h1", 2), host("h2", 2)]},
        {"name": "beta", "type": 4, "hosts": [host("b1", 2)]},
    ]})
}

/// Returns a host of debian12 with this number of kernels. It runs the newest.
pub fn host(name: &str, kernels: usize) -> Value {
    let installed: Vec<String> = (1..=kernels)
        .map(|number| format!("6.1.0-{number}-amd64"))
        .collect();
    json!({"name": name, "distro": "debian12", "running": installed.last(), "installed": installed})
}

/// Returns a cluster with these hosts.
pub fn cluster(name: &str, hosts: &[Value]) -> Value {
    json!({"name": name, "type": "production", "hosts": hosts})
}

/// Returns a report with these clusters.
pub fn clusters(clusters: &[Value]) -> Value {
    json!({ "clusters": clusters })
}

/// Loads a report from standard input.
pub fn load(program: &Program, report: impl AsRef<[u8]>, more: &[&str]) -> Ran {
    let arguments = [&["cust", "load", "-"], more].concat();
    let mut child = program
        .command(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    // A program that rejects the report at its first line does not read the rest.
    _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(report.as_ref());
    Ran::from(child.wait_with_output().expect("the program exits"))
}

/// Loads a report, and requires exit status 0.
pub fn loaded(program: &Program, report: &Value, more: &[&str]) -> Ran {
    let ran = load(program, report.to_string(), more);
    assert_eq!(ran.status, 0, "{report}\n{ran:?}");
    ran
}

/// Returns a line for each live kernel of a host, with a star if it is running.
pub async fn live(program: &Program) -> String {
    program
        .value(
            "SELECT coalesce(string_agg(cluster_name || ' ' || host_name || ' ' || version || CASE WHEN current THEN '*' ELSE '' END,
                 E'\n' ORDER BY cluster_name, host_name, version), '')
             FROM cust_host_kver WHERE deleted_at = '-infinity'",
        )
        .await
}

/// Returns the live clusters with the numbers of their types.
pub async fn live_clusters(program: &Program) -> String {
    program
        .value(
            "SELECT coalesce(string_agg(name || ' ' || cltype, ', ' ORDER BY name), '') FROM cust_cluster WHERE deleted_at = '-infinity'",
        )
        .await
}

#[tokio::test]
async fn a_report_becomes_clusters_hosts_and_kernels_in_one_generation() {
    let program = Program::new().await;
    program.done(&["kver", "add", "--distro", "debian12", "6.1.0-1-amd64"]);
    let ran = loaded(&program, &two_clusters(), &["--comment", "monitoring"]);
    assert_eq!(
        ran.stdout,
        "+ cluster acme-1 (production)\n+ cluster beta (lab)\n+ kernel debian12 6.1.0-2-amd64\n\
         + acme-1 h1: debian12 6.1.0-1-amd64 installed\n+ acme-1 h1: debian12 6.1.0-2-amd64 running\n\
         + acme-1 h2: debian12 6.1.0-1-amd64 installed\n+ acme-1 h2: debian12 6.1.0-2-amd64 running\n\
         + beta b1: debian12 6.1.0-1-amd64 installed\n+ beta b1: debian12 6.1.0-2-amd64 running\n"
    );
    assert_eq!(
        ran.stderr,
        "clusters: 2 new\nhosts: 3 new\nkernels on hosts: 6 new\nkernels: 1 new\ngeneration 3: 9 events\n"
    );
    assert_eq!(live_clusters(&program).await, "acme-1 1, beta 4");
    assert_eq!(
        live(&program).await,
        "acme-1 h1 6.1.0-1-amd64\nacme-1 h1 6.1.0-2-amd64*\nacme-1 h2 6.1.0-1-amd64\nacme-1 h2 6.1.0-2-amd64*\n\
         beta b1 6.1.0-1-amd64\nbeta b1 6.1.0-2-amd64*"
    );
    assert_eq!(
        program
            .value("SELECT string_agg(version, ' ' ORDER BY version) FROM kver")
            .await,
        "6.1.0-1-amd64 6.1.0-2-amd64"
    );
    assert_eq!(
        program
            .value("SELECT comment FROM generation WHERE id = 3")
            .await,
        "monitoring"
    );
}

#[tokio::test]
async fn an_unchanged_report_creates_no_generation() {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let journal = program.journal().await;
    for more in [&[][..], &["--partial"]] {
        let again = loaded(&program, &two_clusters(), more);
        assert_eq!(
            (again.stdout.as_str(), again.stderr.as_str()),
            ("", "nothing to change\n")
        );
    }
    assert_eq!(program.journal().await, journal);
}

#[tokio::test]
async fn a_dry_run_prints_the_difference_and_changes_nothing() {
    let program = Program::new().await;
    let journal = program.journal().await;
    let ran = loaded(&program, &two_clusters(), &["--dry-run"]);
    assert!(
        ran.stdout.starts_with("+ cluster acme-1 (production)\n")
            && ran.stdout.contains("+ beta b1: debian12"),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .ends_with("would create a generation of 10 events; nothing was changed\n"),
        "{ran:?}"
    );
    assert_eq!(program.journal().await, journal);
    assert_eq!(live(&program).await, "");

    let some: Value = serde_json::from_str(
        &loaded(&program, &two_clusters(), &["--json", "--limit", "3"]).stdout,
    )
    .unwrap();
    assert_eq!(some["schema"], "sqern.cust.load/1");
    assert_eq!(some["item"]["changes"].as_array().unwrap().len(), 3);
    assert_eq!(
        some["item"]["hosts"],
        json!({"added": 3, "changed": 0, "brought_back": 0, "removed": 0})
    );
    assert_eq!(some["item"]["events"], 10);
}

#[tokio::test]
async fn only_differences_are_changed() {
    let program = Program::new().await;
    let hosts: Vec<Value> = (1..=9)
        .map(|number| host(&format!("h{number}"), 2))
        .collect();
    loaded(&program, &clusters(&[cluster("acme-1", &hosts)]), &[]);
    let mut next = hosts.clone();
    // h1 was updated, h2 runs its older kernel, h3 lost a kernel that it did not run, and h9 is
    // absent.
    next[0] = host("h1", 3);
    next[1]["running"] = json!("6.1.0-1-amd64");
    next[2]["installed"] = json!(["6.1.0-2-amd64"]);
    next.pop();
    let ran = loaded(
        &program,
        &clusters(&[json!({"name": "acme-1", "type": "lab", "hosts": next})]),
        &[],
    );
    assert_eq!(
        ran.stdout,
        "~ cluster acme-1: production → lab\n+ kernel debian12 6.1.0-3-amd64\n\
         ~ acme-1 h1: debian12 6.1.0-2-amd64 running → installed\n+ acme-1 h1: debian12 6.1.0-3-amd64 running\n\
         ~ acme-1 h2: debian12 6.1.0-1-amd64 installed → running\n~ acme-1 h2: debian12 6.1.0-2-amd64 running → installed\n\
         - acme-1 h3: debian12 6.1.0-1-amd64 installed\n\
         - acme-1 h9: debian12 6.1.0-1-amd64 installed\n- acme-1 h9: debian12 6.1.0-2-amd64 running\n"
    );
    assert_eq!(
        ran.stderr,
        "clusters: 1 changed\nhosts: 3 changed, 1 deleted\nkernels on hosts: 1 new, 3 changed, 3 deleted\n\
         kernels: 1 new\ngeneration 3: 9 events\n"
    );
    let marked = "SELECT count(*) || ' ' || count(DISTINCT deleted_at) FROM cust_host_kver WHERE deleted_at > '2020-01-01'";
    assert_eq!(
        program.value(marked).await,
        "3 1",
        "all are marked as deleted at the same time"
    );
    program.done(&["db", "check"]);
}

#[tokio::test]
async fn a_partial_report_keeps_absent_clusters() {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let before = live(&program).await;
    let report = clusters(&[
        cluster("acme-1", &[host("h1", 2), host("h2", 2)]),
        cluster("gamma", &[host("g1", 1)]),
    ]);
    loaded(&program, &report, &["--partial"]);
    assert_eq!(live_clusters(&program).await, "acme-1 1, beta 4, gamma 1");
    assert_eq!(
        live(&program).await,
        format!("{before}\ngamma g1 6.1.0-1-amd64*"),
        "nothing was removed"
    );

    // The limit applies to the clusters of the report: 1 of 2 hosts is more than one fifth.
    let half = clusters(&[cluster("acme-1", &[host("h1", 2)])]);
    let refused = load(&program, half.to_string(), &["--partial"]);
    assert_eq!(refused.status, 1, "{refused:?}");
    let hint = "hint: sqern cust load - --partial --dsn DSN --accept-shrink";
    assert!(
        refused.stderr.contains(hint),
        "without --partial it would delete the other clusters: {refused:?}"
    );
    assert!(
        refused
            .stderr
            .contains("report would delete 1 of 2 hosts, more than one fifth; nothing was changed"),
        "{refused:?}"
    );
    // The hint repeats the command line as typed.
    let file = program.home.path().join("half report.json");
    std::fs::write(&file, half.to_string()).unwrap();
    let refused = program.run(&[
        "cust",
        "load",
        file.to_str().unwrap(),
        "--partial",
        "--comment",
        "it's daily",
        "--limit=3",
    ]);
    let typed = format!(
        "sqern cust load '{}' --partial --comment 'it'\\''s daily' --limit=3 --dsn DSN",
        file.display()
    );
    assert!(
        refused.stderr.contains(&format!(
            "hint: {typed} --accept-shrink  # if they no longer exist"
        )),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains(&format!(
            "hint: {typed} --dry-run  # prints what would be deleted"
        )),
        "{refused:?}"
    );
    loaded(&program, &half, &["--partial", "--accept-shrink"]);
    assert_eq!(live_clusters(&program).await, "acme-1 1, beta 4, gamma 1");
    assert!(!live(&program).await.contains("h2"));
}

#[tokio::test]
async fn deleting_more_than_one_fifth_requires_accept_shrink() {
    let program = Program::new().await;
    let hosts: Vec<Value> = (1..=10)
        .map(|number| host(&format!("h{number:02}"), 1))
        .collect();
    loaded(&program, &clusters(&[cluster("acme-1", &hosts)]), &[]);
    let journal = program.journal().await;
    let shrunk = clusters(&[cluster("acme-1", &hosts[..7])]);
    let refused = load(&program, shrunk.to_string(), &[]);
    assert_eq!(refused.status, 1);
    assert_eq!(
        refused.stderr,
        "error: report would delete 3 of 10 hosts, more than one fifth; nothing was changed\n \
         hint: sqern cust load - --dsn DSN --dry-run  # prints what would be deleted\n \
         hint: sqern cust load - --dsn DSN --accept-shrink  # if they no longer exist\n"
    );
    let dry_run = load(&program, shrunk.to_string(), &["--dry-run"]);
    assert_eq!(dry_run.status, 1, "{dry_run:?}");
    assert!(
        dry_run
            .stdout
            .contains("- acme-1 h10: debian12 6.1.0-1-amd64 running"),
        "{dry_run:?}"
    );
    assert_eq!(program.journal().await, journal);

    loaded(&program, &clusters(&[cluster("acme-1", &hosts[..8])]), &[]);
    let gone = clusters(&[cluster("beta", &hosts[..8])]);
    let clusters_too = load(&program, gone.to_string(), &[]);
    assert!(
        clusters_too
            .stderr
            .contains("report would delete 1 of 1 cluster and 8 of 8 hosts"),
        "{clusters_too:?}"
    );
    loaded(&program, &gone, &["--accept-shrink"]);
    assert_eq!(live_clusters(&program).await, "beta 1");
}

#[tokio::test]
async fn a_moved_host_is_removed_and_added() {
    let program = Program::new().await;
    let hosts: Vec<Value> = (1..=6)
        .map(|number| host(&format!("h{number}"), 2))
        .collect();
    loaded(
        &program,
        &clusters(&[cluster("acme-1", &hosts), cluster("acme-2", &[])]),
        &[],
    );
    let ran = loaded(
        &program,
        &clusters(&[
            cluster("acme-1", &hosts[1..]),
            cluster("acme-2", &hosts[..1]),
        ]),
        &[],
    );
    assert!(ran.stderr.contains("hosts: 1 new, 1 deleted\n"), "{ran:?}");
    assert!(
        live(&program)
            .await
            .ends_with("acme-2 h1 6.1.0-1-amd64\nacme-2 h1 6.1.0-2-amd64*")
    );
    assert!(!live(&program).await.contains("acme-1 h1"));
}

#[tokio::test]
async fn a_restored_cluster_keeps_its_record_and_history() {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let alone = clusters(&[cluster("acme-1", &[host("h1", 2), host("h2", 2)])]);
    loaded(&program, &alone, &["--accept-shrink"]);
    assert_eq!(live_clusters(&program).await, "acme-1 1");
    let mut back = two_clusters();
    back["clusters"][1]["type"] = json!("production");
    let ran = loaded(&program, &back, &[]);
    assert!(
        ran.stdout
            .starts_with("+ cluster beta: lab → production, restored\n"),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .starts_with("clusters: 1 restored\nhosts: 1 new\n"),
        "{ran:?}"
    );
    assert_eq!(live_clusters(&program).await, "acme-1 1, beta 1");
    let past =
        "SELECT count(*) FILTER (WHERE deleted_at = '-infinity') || ' live, ' || count(*) FILTER (WHERE isfinite(deleted_at))
                || ' deleted' FROM cust_host_kver WHERE cluster_name = 'beta'";
    assert_eq!(program.value(past).await, "2 live, 2 deleted");
    loaded(&program, &alone, &["--accept-shrink"]);
    loaded(&program, &back, &[]);
    assert_eq!(program.value(past).await, "2 live, 4 deleted");
    program.done(&["db", "check"]);
}
