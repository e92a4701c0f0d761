//! Lists of clusters and hosts in current and past states, and the report of a host.

use serde_json::{Value, json};
use sqern_testkit::clean_command;

use super::{cluster, clusters, host, load, loaded, two_clusters};
use crate::program::{Program, field};

/// Returns a program with 3 generations: distributions, 2 clusters, and a change without h2 and
/// with another type of beta.
async fn with_history() -> Program {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let mut next = clusters(&[
        cluster("acme-1", &[host("h1", 3)]),
        cluster("beta", &[host("b1", 2)]),
    ]);
    next["clusters"][1]["type"] = json!("poc");
    loaded(&program, &next, &["--accept-shrink"]);
    program
}

#[tokio::test]
async fn clusters_are_listed_in_current_and_past_states() {
    let program = with_history().await;
    assert_eq!(
        program.done(&["cust", "list", "--csv"]).stdout,
        "name,type,hosts,kernels,deleted_at\nacme-1,production,1,3,\nbeta,poc,1,2,\n"
    );
    let of_distro = |name: &str| {
        let list = program.json(&["cust", "list", "--distro", name]);
        field(&list, "name").join(" ")
    };
    assert_eq!(
        (of_distro("debian12"), of_distro("debian13")),
        ("acme-1 beta".into(), String::new())
    );
    let then = program.json(&["cust", "list", "--at", "2"]);
    assert_eq!(then["schema"], "sqern.cust.list/1");
    assert_eq!(then["as_of"]["generation"], 2);
    assert_eq!(
        (field(&then, "type"), field(&then, "hosts")),
        (
            vec!["production".into(), "lab".into()],
            vec!["2".into(), "1".into()]
        )
    );
    assert_eq!(
        field(&program.json(&["cust", "list", "--at", "1"]), "name"),
        Vec::<String>::new()
    );

    loaded(
        &program,
        &clusters(&[cluster("acme-1", &[host("h1", 3)])]),
        &["--accept-shrink"],
    );
    assert_eq!(field(&program.json(&["cust", "list"]), "name"), ["acme-1"]);
    let all = program.json(&["cust", "list", "--all"]);
    assert_eq!(
        (field(&all, "name"), field(&all, "hosts")),
        (
            vec!["acme-1".into(), "beta".into()],
            vec!["1".into(), "0".into()]
        )
    );
    assert!(
        all["items"][1]["deleted_at"].is_string() && all["items"][0]["deleted_at"].is_null(),
        "{all}"
    );
    let table = program.done(&["cust", "list"]);
    assert!(
        table
            .stdout
            .starts_with("NAME    TYPE        HOSTS  KERNELS  DELETED\n"),
        "{table:?}"
    );
}

#[tokio::test]
async fn the_csv_of_a_past_cluster_can_be_loaded_again() {
    let program = with_history().await;
    let shown = program.done(&["cust", "show", "acme-1"]);
    assert_eq!(shown.stderr, "acme-1 (production): 1 host, 3 kernels\n");
    assert_eq!(
        shown.stdout.lines().nth(1).unwrap(),
        "acme-1   production  h1    debian12  6.1.0-3-amd64  yes",
        "the newest first"
    );
    let then = program
        .done(&["cust", "show", "acme-1", "--at", "2", "--csv"])
        .stdout;
    let ran = load(&program, &then, &["--partial"]);
    assert!(
        ran.stdout
            .contains("+ acme-1 h2: debian12 6.1.0-2-amd64 running"),
        "{ran:?}"
    );
    assert_eq!(
        program.done(&["cust", "show", "acme-1", "--csv"]).stdout,
        then
    );
    assert_eq!(
        field(&program.json(&["cust", "show", "beta"]), "current"),
        ["true", "false"]
    );

    let unknown = program.run(&["cust", "show", "acme-2"]);
    let reported = "error: cluster \"acme-2\" does not exist\n hint: Did you mean acme-1?\n hint: sqern cust list --all\n";
    assert_eq!((unknown.status, unknown.stderr.as_str()), (1, reported));
    assert_eq!(
        program.run(&["cust", "show", "acme-1", "--at", "1"]).status,
        1,
        "the cluster did not exist then"
    );
}

#[tokio::test]
async fn hosts_are_found_by_cluster_kernel_and_distro() {
    let program = with_history().await;
    let hosts = |arguments: &[&str]| {
        field(
            &program.json(&[&["cust", "hosts"], arguments].concat()),
            "host",
        )
        .join(" ")
    };
    assert_eq!(hosts(&[]), "h1 b1");
    assert_eq!(hosts(&["--cluster", "beta"]), "b1");
    assert_eq!(hosts(&["--kernel", "6.1.0-3-amd64"]), "h1");
    assert_eq!(hosts(&["--kernel", "6.1.0-2-amd64"]), "h1 b1");
    assert_eq!(
        hosts(&[
            "--kernel",
            "6.1.0-2-amd64",
            "--cluster",
            "acme-1",
            "--at",
            "2"
        ]),
        "h1 h2"
    );
    assert_eq!(hosts(&["--distro", "debian12"]), "h1 b1");
    assert_eq!(hosts(&["--distro", "debian13"]), "");
    let item = &program.json(&["cust", "hosts", "--cluster", "acme-1"])["items"][0];
    assert_eq!(item["running"], "6.1.0-3-amd64");
    assert_eq!(
        item["installed"],
        json!(["6.1.0-3-amd64", "6.1.0-2-amd64", "6.1.0-1-amd64"]),
        "newest first"
    );
    let csv = program
        .done(&["cust", "hosts", "--cluster", "beta", "--csv"])
        .stdout;
    assert_eq!(
        csv,
        "cluster,type,host,distro,running,installed\nbeta,poc,b1,debian12,6.1.0-2-amd64,6.1.0-2-amd64 6.1.0-1-amd64\n"
    );
    for (option, value, reported) in [
        (
            "--cluster",
            "acme",
            "cluster \"acme\" does not exist\n hint: Did you mean acme-1?",
        ),
        (
            "--distro",
            "debain12",
            "distribution \"debain12\" does not exist\n hint: Did you mean debian12?",
        ),
    ] {
        let ran = program.run(&["cust", "hosts", option, value]);
        assert!(ran.status == 1 && ran.stderr.contains(reported), "{ran:?}");
    }
}

#[tokio::test]
async fn cluster_types_are_listed_with_their_number_of_clusters() {
    let program = with_history().await;
    assert_eq!(
        program.done(&["cust", "type", "list", "--csv"]).stdout,
        "id,name,clusters\n1,production,1\n2,poc,1\n3,custdev,0\n4,lab,0\n5,out of support,0\n6,our test,0\n"
    );
    assert_eq!(
        field(
            &program.json(&["cust", "type", "list", "--at", "2"]),
            "clusters"
        ),
        ["1", "0", "0", "1", "0", "0"]
    );
}

#[tokio::test]
async fn a_load_can_be_reverted() {
    let program = with_history().await;
    let then = program
        .done(&["cust", "hosts", "--at", "2", "--csv"])
        .stdout;
    program.done(&["generation", "revert", "3"]);
    assert_eq!(program.done(&["cust", "hosts", "--csv"]).stdout, then);
    assert_eq!(
        field(&program.json(&["cust", "list"]), "type"),
        ["production", "lab"]
    );
}

#[tokio::test]
async fn cust_report_matches_uname_and_can_be_loaded() {
    let program = Program::new().await;
    let uname = |flag: &str| {
        String::from_utf8(clean_command("uname").arg(flag).output().unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned()
    };
    let args = [
        "cust",
        "report",
        "--distro",
        "debian13",
        "--cluster",
        "acme-1",
        "--type",
        "lab",
    ];
    let out = |more: &[&str]| {
        let output = program
            .bare_command(&[&args[..], more].concat())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "a report requires no database: {output:?}"
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&out(&[])).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&out(&["--json"])).unwrap(),
        report
    );
    let host = &report["clusters"][0]["hosts"][0];
    assert_eq!(
        (
            &report["clusters"][0]["name"],
            &report["clusters"][0]["type"]
        ),
        (&json!("acme-1"), &json!("lab"))
    );
    assert_eq!(
        (&host["name"], &host["running"]),
        (&json!(uname("-n")), &json!(uname("-r")))
    );
    assert_eq!(host["distro"], "debian13");

    let from_json = loaded(&program, &report, &[]);
    assert!(
        from_json.stdout.contains(&format!(
            "+ acme-1 {}: debian13 {} running",
            uname("-n"),
            uname("-r")
        )),
        "{from_json:?}"
    );
    let from_csv = load(&program, out(&["--csv"]), &[]);
    assert_eq!(
        (from_csv.status, from_csv.stderr.as_str()),
        (0, "nothing to change\n"),
        "{from_csv:?}"
    );

    let own = program
        .bare_command(&["cust", "report", "--distro", "debian13"])
        .output()
        .unwrap();
    let own: Value = serde_json::from_slice(&own.stdout).unwrap();
    assert_eq!(
        (&own["clusters"][0]["name"], &own["clusters"][0]["type"]),
        (&json!(uname("-n")), &json!("production"))
    );
}
