//! One invalid record rejects the whole report, with its location and the reason. Nothing is
//! changed.

use serde_json::{Value, json};

use super::{cluster, clusters, host, live, load, loaded, two_clusters};
use crate::program::{Program, Ran};

/// A program with 2 clusters, and the state of its database.
pub struct Known {
    pub program: Program,
    before: (String, String, String),
}

impl Known {
    pub async fn new() -> Self {
        let program = Program::new().await;
        loaded(&program, &two_clusters(), &[]);
        let before = Self::state(&program).await;
        Self { program, before }
    }

    /// Requires that the database is unchanged.
    pub async fn assert_unchanged(&self, label: &str) {
        assert_eq!(Self::state(&self.program).await, self.before, "{label}");
    }

    async fn state(program: &Program) -> (String, String, String) {
        (
            program.journal().await,
            live(program).await,
            program.value("SELECT count(*) FROM kver").await,
        )
    }

    /// Loads a report, and requires that it is rejected with these messages.
    pub async fn refuses(
        &self,
        label: &str,
        report: impl AsRef<[u8]>,
        more: &[&str],
        messages: &[&str],
    ) -> Ran {
        let ran = load(&self.program, report, more);
        assert_eq!(ran.status, 1, "{label}: {ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{label}: {ran:?}");
        for message in messages {
            assert!(
                ran.stderr.contains(message),
                "{label}: {message:?} is not in {}",
                ran.stderr
            );
        }
        assert!(
            ran.stderr.contains("; nothing was changed\n") && ran.stdout.is_empty(),
            "{label}: {ran:?}"
        );
        self.assert_unchanged(label).await;
        ran
    }
}

/// Returns the report with a further host at the end of the last line.
pub fn with_last(last: &Value) -> String {
    let mut report = two_clusters();
    let hosts = report["clusters"].as_array_mut().unwrap().pop().unwrap();
    let lines = [
        hosts,
        json!({"name": "acme-3", "type": "production", "hosts": [host("x1", 1), last]}),
    ];
    format!("{}\n{}\n{}\n", report["clusters"][0], lines[0], lines[1])
}

#[tokio::test]
async fn an_invalid_host_on_the_last_line_is_rejected() {
    let known = Known::new().await;
    for (label, last, message) in [
        (
            "no name",
            json!({"distro": "debian12", "running": "1"}),
            "missing field `name`",
        ),
        (
            "no distro",
            json!({"name": "x2", "running": "1"}),
            "missing field `distro`",
        ),
        (
            "another field",
            json!({"name": "x2", "distro": "debian12", "runing": "1"}),
            "unknown field `runing`",
        ),
        (
            "a number",
            json!({"name": "x2", "distro": "debian12", "running": 6}),
            "invalid type: integer `6`, expected a string",
        ),
        (
            "no kernel",
            json!({"name": "x2", "distro": "debian12", "installed": []}),
            "the host has no running or installed kernel",
        ),
        (
            "a kernel twice",
            json!({"name": "x2", "distro": "debian12", "installed": ["1", "2", "1"]}),
            "duplicate installed kernel 1",
        ),
        (
            "a blank name",
            json!({"name": " x2", "distro": "debian12", "running": "1"}),
            "expected a host name without leading or trailing blanks and without control characters, found \" x2\"",
        ),
        (
            "a line end in a version",
            json!({"name": "x2", "distro": "debian12", "running": "1\n2"}),
            "found \"1\\n2\"",
        ),
        (
            "no object",
            json!("x2"),
            "invalid type: string \"x2\", expected an object",
        ),
    ] {
        known
            .refuses(
                label,
                with_last(&last),
                &[],
                &[message, "error: standard input, line 3 (record 5): "],
            )
            .await;
    }
}

#[tokio::test]
async fn an_invalid_cluster_is_rejected() {
    let known = Known::new().await;
    let wrong = |cluster: Value| format!("{}\n{cluster}\n", two_clusters()["clusters"][0]);
    for (label, cluster, message) in [
        (
            "an unknown type",
            json!({"name": "acme-3", "type": "prodction", "hosts": []}),
            "unknown cluster type \"prodction\"; the types are 1 (production), 2 (poc), 3 (custdev), 4 (lab), 5 (out of support), \
             6 (our test); nothing",
        ),
        (
            "an unknown number",
            json!({"name": "acme-3", "type": 7, "hosts": []}),
            "unknown cluster type \"7\"",
        ),
        (
            "a type that is none",
            json!({"name": "acme-3", "type": -1, "hosts": []}),
            "integer `-1`, expected the name or number of a cluster type",
        ),
        (
            "no type",
            json!({"name": "acme-3", "hosts": [host("x", 1)]}),
            "missing field `type`",
        ),
        (
            "no hosts",
            json!({"name": "acme-3", "type": 1}),
            "missing field `hosts`",
        ),
        (
            "no name",
            json!({"type": 1, "hosts": []}),
            "missing field `name`",
        ),
        (
            "an empty name",
            json!({"name": "", "type": 1, "hosts": []}),
            "expected a cluster name without leading or trailing blanks and without control characters, found \"\"",
        ),
        (
            "another field",
            json!({"name": "acme-3", "type": 1, "hosts": [], "site": "x"}),
            "unknown field `site`",
        ),
        (
            "clusters in a cluster",
            json!({"name": "acme-3", "type": 1, "clusters": []}),
            "expected one cluster per line (--format jsonl), found a document with clusters",
        ),
        (
            "hosts that are none",
            json!({"name": "acme-3", "type": 1, "hosts": "x"}),
            "expected an array of hosts",
        ),
    ] {
        known
            .refuses(
                label,
                wrong(cluster),
                &[],
                &[message, "error: standard input, line 2"],
            )
            .await;
    }
    let within = r#"{"name": "a", "type": 1, "clusters": []}"#;
    known
        .refuses(
            "clusters within",
            within,
            &[],
            &["unknown field `clusters`"],
        )
        .await;
    for field in ["name", "type", "hosts"] {
        let twice = format!(
            r#"{{"name": "a", "type": 1, "hosts": [], "{field}": {}}}"#,
            json!({"name": "a", "type": 1, "hosts": []})[field]
        );
        known
            .refuses(
                field,
                twice,
                &[],
                &[&format!("duplicate field `{field}`"), "line 1: "],
            )
            .await;
    }
}

#[tokio::test]
async fn duplicate_clusters_and_hosts_are_rejected() {
    let known = Known::new().await;
    let [a, b] = [cluster("acme-1", &[host("h1", 1)]), cluster("beta", &[])];
    known
        .refuses(
            "a cluster",
            format!("{a}\n{b}\n{a}\n"),
            &[],
            &["cluster \"acme-1\" is listed twice, at line 1 and at line 3"],
        )
        .await;
    let hosts = cluster("acme-1", &[host("h1", 1), host("h2", 1), host("h1", 1)]);
    known
        .refuses(
            "a host",
            format!("{b}\n{hosts}"),
            &["--accept-shrink"],
            &["host \"h1\" of cluster \"acme-1\" is listed twice, at line 2 (record 1) and at line 2 (record 3)"],
        )
        .await;
    // The same name in another cluster is another host.
    let other = clusters(&[
        cluster("acme-1", &[host("h1", 2), host("h2", 2)]),
        cluster("beta", &[host("h1", 1), host("b1", 2)]),
    ]);
    loaded(&known.program, &other, &[]);
}

#[tokio::test]
async fn an_empty_report_is_rejected() {
    let known = Known::new().await;
    for (label, report) in [
        ("nothing", ""),
        ("blanks", " \n\n"),
        ("no clusters", r#"{"clusters": []}"#),
    ] {
        let message = if label == "no clusters" {
            "report contains no clusters"
        } else {
            "report is empty"
        };
        for more in [&[][..], &["--partial"], &["--accept-shrink"]] {
            known.refuses(label, report, more, &[message]).await;
        }
    }
    let header = "cluster,type,host,distro,version,current\n";
    known
        .refuses(
            "a header alone",
            header,
            &["--accept-shrink"],
            &["report contains no clusters"],
        )
        .await;
    known
        .refuses(
            "no header",
            "",
            &["--format", "csv"],
            &["expected the header cluster,type,host,distro,version,current, found an empty report"],
        )
        .await;
    known
        .refuses(
            "no document",
            "{}",
            &["--format", "json"],
            &["missing field `clusters`"],
        )
        .await;
}

#[tokio::test]
async fn unknown_distributions_are_reported_with_locations() {
    let known = Known::new().await;
    let other = |name: &str, distro: &str| json!({"name": name, "distro": distro, "running": "1"});
    let hosts: Vec<Value> = (1..=7)
        .map(|number| other(&format!("x{number}"), "debain12"))
        .chain([other("y", "alma8")])
        .collect();
    let report = format!(
        "{}\n{}\n",
        two_clusters()["clusters"][0],
        cluster("acme-3", &hosts)
    );
    let ran = known
        .refuses(
            "distros",
            report,
            &["--accept-shrink"],
            &[
                "unknown distributions \"alma8\" (1 host: line 2 (record 10)), \"debain12\" (7 hosts: line 2 (record 3), \
                 line 2 (record 4), ",
                ", line 2 (record 7), …)",
            ],
        )
        .await;
    assert!(
        ran.stderr
            .ends_with(" hint: sqern distro import  # or: sqern distro add NAME VARIANT\n"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn invalid_json_is_rejected() {
    let known = Known::new().await;
    let document = two_clusters().to_string();
    let cut = &document[..document.len() - 3];
    known
        .refuses(
            "cut",
            cut,
            &[],
            &["unexpected end of the report: ", "line 1"],
        )
        .await;
    let spoilt = document.replacen("\"distro\":", "\"distro\"", 1);
    known
        .refuses(
            "spoilt",
            &spoilt,
            &[],
            &[
                "line 1 (record 1): invalid JSON at column ",
                ": expected `:`",
            ],
        )
        .await;
    known
        .refuses(
            "more behind",
            format!("{document} x"),
            &[],
            &["trailing characters"],
        )
        .await;
    known
        .refuses(
            "an array",
            "[]",
            &[],
            &["invalid type: sequence, expected an object with clusters"],
        )
        .await;
    known
        .refuses(
            "not UTF-8",
            b"{\"clusters\": [{\"name\": \"\xff\"".as_slice(),
            &[],
            &["invalid unicode code point"],
        )
        .await;
    let line = two_clusters()["clusters"][0].to_string();
    known
        .refuses(
            "lines",
            &line,
            &["--format", "json"],
            &["expected one document with clusters (--format json), found a single"],
        )
        .await;
    known
        .refuses(
            "a document",
            &document,
            &["--format", "jsonl"],
            &["expected one cluster per line (--format jsonl), found a document"],
        )
        .await;
    known
        .refuses(
            "more fields",
            r#"{"clusters": [], "type": 1}"#,
            &[],
            &["unexpected field next to `clusters`"],
        )
        .await;
}

#[tokio::test]
async fn a_lone_surrogate_is_rejected_with_its_column() {
    let known = Known::new().await;
    for (escape, column) in [
        ("\\ud800", 19),
        ("\\udbff\\n", 20),
        ("\\udc00", 18),
        ("\\ud800\\u0041", 24),
        ("\\ud800\\ud800", 24),
    ] {
        for before in ["", "\n\n"] {
            let report = format!("{before}{{\"name\": \"é{escape}\", \"type\": 1, \"hosts\": []}}");
            let line = before.len() + 1;
            let message = format!(
                "error: standard input, line {line}: invalid JSON at column {column}: lone surrogate in a Unicode escape; nothing"
            );
            known.refuses(escape, report, &[], &[&message]).await;
        }
    }
}

#[tokio::test]
async fn invalid_csv_is_rejected() {
    let known = Known::new().await;
    let header = "cluster,type,host,distro,version,current\n";
    let good = "acme-1,1,h1,debian12,6.1.0-1-amd64,t\n";
    for (label, lines, message) in [
        (
            "another header",
            "cluster,host\n".to_owned(),
            "expected the header cluster,type,host,distro,version,current, found \"cluster,host\"",
        ),
        (
            "too few fields",
            format!("{header}{good}acme-1,1,h2\n"),
            "standard input, line 3: expected 6 fields, found 3",
        ),
        (
            "a quote without an end",
            format!("{header}{good}acme-1,1,\"h2\n"),
            "standard input, line 3: expected 6 fields, found 3",
        ),
        (
            "no boolean",
            format!("{header}{good}acme-1,1,h2,debian12,1,maybe\n"),
            "standard input, line 3 (record 2): expected true or false in column \"current\", found \"maybe\"",
        ),
        (
            "two distros",
            format!("{header}{good}acme-1,1,h1,debian13,1,f\n"),
            "host \"h1\" has 2 distributions, \"debian12\" and \"debian13\"",
        ),
        (
            "two that run",
            format!("{header}{good}acme-1,1,h1,debian12,1,t\n"),
            "host \"h1\" has 2 current kernels, 6.1.0-1-amd64 and 1",
        ),
        (
            "a kernel twice",
            format!("{header}{good}{good}").replace(",t\n", ",f\n"),
            "standard input, line 2 (record 1): ",
        ),
        (
            "no version",
            format!("{header}acme-1,1,h1,debian12,,f\n"),
            "expected a kernel version (output of uname -r)",
        ),
        (
            "no host",
            format!("{header}acme-1,1,,debian12,1,f\n"),
            "expected a host name",
        ),
        (
            "no cluster",
            format!("{header},1,h1,debian12,1,f\n"),
            "expected a cluster name",
        ),
        (
            "no type",
            format!("{header}a,,h1,debian12,1,f\n"),
            "unknown cluster type \"\"",
        ),
        (
            "two types",
            format!("{header}{good}beta,1,b,debian12,1,f\nacme-1,2,h2,debian12,1,f\n"),
            "cluster \"acme-1\" has conflicting types: type 1 at line 2, type 2 at line 4",
        ),
        (
            "an open quote",
            format!("{header}{good}acme-1,1,\"h2,debian12,1,f\n"),
            "expected 6 fields, found 3",
        ),
    ] {
        known
            .refuses(label, lines, &["--accept-shrink"], &[message])
            .await;
    }
    known
        .refuses(
            "not UTF-8",
            [header.as_bytes(), b"a,1,\xff,debian12,1,f\n"].concat(),
            &[],
            &["standard input, line 2: invalid UTF-8"],
        )
        .await;
    let scattered = format!("{header}{good}acme-1,1,h2,debian12,1,f\nacme-1,1,h1,debian12,2,f\n");
    let ran = known
        .refuses(
            "scattered",
            scattered,
            &[],
            &["host \"h1\" of cluster \"acme-1\" is listed twice, at line 2 (record 1) and at line 4 (record 3)"],
        )
        .await;
    assert!(
        ran.stderr
            .contains("hint: { head -n 1 FILE; tail -n +2 FILE | sort; } | sqern cust load -"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn lines_of_csv_are_numbered_with_each_kind_of_line_end() {
    let known = Known::new().await;
    let lines = [
        "cluster,type,host,distro,version,current",
        "acme-1,1,h1,debian12,6.1.0-1-amd64,t",
        "acme-1,1,h2,debian12,1,maybe",
    ];
    for end in ["\n", "\r\n", "\r"] {
        for blank_lines in 0..3 {
            let report = lines.join(&end.repeat(1 + blank_lines));
            let location = format!("line {} (record 2): expected true", 3 + 2 * blank_lines);
            for last_end in ["", end] {
                let report = format!("{report}{last_end}");
                known
                    .refuses(&location, report, &["--format", "csv"], &[&location])
                    .await;
            }
        }
        let name = format!("{}{end}\"acme{end}1\",1,,,,{end}", lines[0]);
        known
            .refuses("a name", name, &[], &["line 2: expected a cluster name"])
            .await;
    }
}
