//! Limits of a load: memory, lengths of names, files and privileges.

use serde_json::{Value, json};

use super::refused::{Known, with_last};
use super::{cluster, clusters, host, live, loaded, two_clusters};
use crate::program::{Program, Ran};

#[tokio::test]
async fn a_too_long_record_is_rejected_in_little_memory() {
    let known = Known::new().await;
    let directory = tempfile::tempdir().unwrap();
    for (label, begin, byte, location) in [
        ("a name", "{\"clusters\": [{\"name\": \"", b'a', "line 1"),
        (
            "a version",
            "\n\n{\"name\": \"a\", \"type\": 1, \"hosts\": [{\"running\": \"",
            b'6',
            "line 3 (record 1)",
        ),
        ("blanks", "{\"clusters\": [", b' ', "line 1"),
        (
            "a line of CSV",
            "cluster,type,host,distro,version,current\nacme-1,1,",
            b'h',
            "line 2",
        ),
        ("a header", "", b'c', "line 1"),
    ] {
        let path = directory.path().join("report.zst");
        let mut encoder = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
        std::io::Write::write_all(&mut encoder, begin.as_bytes()).unwrap();
        std::io::copy(
            &mut std::io::Read::take(std::io::repeat(byte), 200 << 20),
            &mut encoder,
        )
        .unwrap();
        encoder.finish().unwrap();
        let command = known
            .program
            .command(&["cust", "load", path.to_str().unwrap()]);
        let (ran, peak_kib) = crate::bad_input::with_peak_memory(command);
        assert_eq!(ran.status, 1, "{label}: {ran:?}");
        assert!(
            ran.stderr.contains(&format!(
                ", {location}: record is longer than 1024 KiB; nothing was changed"
            )),
            "{label}: {ran:?}"
        );
        assert!(peak_kib < 100 * 1024, "{label}: {peak_kib} KiB");
    }
    known.assert_unchanged("long records").await;
}

#[tokio::test]
async fn an_unreadable_file_is_rejected() {
    let known = Known::new().await;
    let missing = known
        .program
        .run(&["cust", "load", "/nonexistent/report.json"]);
    let reported = "error: could not read /nonexistent/report.json: No such file or directory";
    assert!(
        missing.status == 1 && missing.stderr.starts_with(reported),
        "{missing:?}"
    );
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, two_clusters().to_string().as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    known
        .refuses(
            "a cut gzip file",
            &whole[..whole.len() - 20],
            &[],
            &["standard input, line 1", ": could not read the report: "],
        )
        .await;
    let wrong = known.program.run(&["cust", "load", "-", "--format", "xml"]);
    assert_eq!(wrong.status, 2, "{wrong:?}");
}

#[tokio::test]
async fn sqern_writer_can_load_and_sqern_reader_cannot() {
    let program = Program::new().await;
    let path = program.home.path().join("report.json");
    let as_role = |role: &str, report: &Value| {
        std::fs::write(&path, report.to_string()).unwrap();
        let dsn = format!("{} options='-c role={role}'", program.database.dsn());
        let args = [
            "cust",
            "load",
            path.to_str().unwrap(),
            "--accept-shrink",
            "--dsn",
            &dsn,
        ];
        Ran::from(program.bare_command(&args).output().unwrap())
    };
    let loaded_first = as_role("sqern_writer", &two_clusters());
    assert_eq!(loaded_first.status, 0, "{loaded_first:?}");
    let next = clusters(&[cluster("acme-1", &[host("h1", 3)])]);
    let changed = as_role("sqern_writer", &next);
    assert!(
        changed.status == 0 && changed.stderr.contains("1 deleted"),
        "{changed:?}"
    );
    let before = live(&program).await;
    let reader = as_role("sqern_reader", &two_clusters());
    assert!(
        reader.status == 1
            && reader
                .stderr
                .contains("role sqern_reader can read, but cannot record changes"),
        "{reader:?}"
    );
    assert_eq!(live(&program).await, before);
    loaded(&program, &next, &[]);
}

#[tokio::test]
async fn too_long_names_are_rejected_with_their_location() {
    let known = Known::new().await;
    let long = "x".repeat(9000);
    let start = "x".repeat(32);
    let of = |limit: usize| {
        format!(
            "of at most {limit} characters, found 9000 characters that start with {start:?}; nothing"
        )
    };
    let header = "cluster,type,host,distro,version,current\n";
    let version = "kernel version (output of uname -r)";
    for (fields, csv, what, limit) in [
        (
            json!({"name": long}),
            format!("acme-1,1,{long},debian12,1,t"),
            "host name",
            253,
        ),
        (
            json!({"distro": long}),
            format!("acme-1,1,h1,{long},1,t"),
            "distribution name",
            64,
        ),
        (
            json!({"running": long}),
            format!("acme-1,1,h1,debian12,{long},t"),
            version,
            64,
        ),
        (
            json!({"installed": ["1", long]}),
            format!("acme-1,1,h1,debian12,{long},f"),
            version,
            64,
        ),
    ] {
        let mut last = json!({"name": "x2", "distro": "debian12", "running": "1"});
        for (name, value) in fields.as_object().unwrap() {
            last[name] = value.clone();
        }
        let message = format!(
            "error: standard input, line 3 (record 5): expected a {what} {}",
            of(limit)
        );
        known
            .refuses(what, with_last(&last), &[], &[&message])
            .await;
        let message = format!(
            "error: standard input, line 2 (record 1): expected a {what} {}",
            of(limit)
        );
        known
            .refuses(what, format!("{header}{csv}\n"), &[], &[&message])
            .await;
    }
    let message = format!(
        "error: standard input, line 2: expected a cluster name {}",
        of(253)
    );
    let cluster = json!({"name": long, "type": 1, "hosts": []});
    let csv = format!("{header}{long},1,,,,\n");
    for report in [format!("\n{cluster}"), csv] {
        known.refuses("a cluster", report, &[], &[&message]).await;
    }
}

#[tokio::test]
async fn the_longest_names_are_accepted() {
    let program = Program::new().await;
    for (character, count) in [("x", 1), ("😀", 4)] {
        let of = |limit: usize| character.repeat(limit);
        let host = json!({"name": of(253), "distro": "debian12", "running": "6".repeat(64)});
        let report = clusters(&[cluster(&of(253), &[host])]);
        assert_eq!(of(1).len(), count);
        loaded(&program, &report, &["--partial"]);
    }
}
