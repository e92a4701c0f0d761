//! A report in each format and compression, from a file and from a pipe.

use std::io::Write as _;

use serde_json::{Value, json};

use super::{clusters, live, live_clusters, load, loaded, two_clusters};
use crate::program::Program;

fn lines(report: &Value) -> String {
    report["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cluster| format!("{cluster}\n"))
        .collect()
}

const CSV: &str = "cluster,type,host,distro,version,current\n\
    acme-1,production,h1,debian12,6.1.0-1-amd64,false\nacme-1,production,h1,debian12,6.1.0-2-amd64,true\n\
    acme-1,1,h2,debian12,6.1.0-2-amd64,T\nacme-1,1,h2,debian12,6.1.0-1-amd64,no\n\
    beta,lab,b1,debian12,6.1.0-1-amd64,0\nbeta,lab,b1,debian12,6.1.0-2-amd64,1\n";

fn gzip(text: &str) -> Vec<u8> {
    // 2 members, like the output of `cat a.gz b.gz`.
    let (first, second) = text.split_at(text.len() / 2);
    let member = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    [member(first), member(second)].concat()
}

/// Returns 2 zstd frames, with skippable frames before, between and after them. pzstd writes a
/// skippable frame before each frame.
fn with_skippable_frames(text: &str) -> Vec<u8> {
    let skippable: &[u8] = b"\x50\x2a\x4d\x18\x04\0\0\0\x12\0\0\0";
    let (first, second) = text.split_at(text.len() / 2);
    let frame = |text: &str| zstd::encode_all(text.as_bytes(), 3).unwrap();
    [
        skippable,
        &frame(first),
        skippable,
        &frame(second),
        skippable,
    ]
    .concat()
}

#[tokio::test]
async fn formats_are_detected_by_content_and_file_name() {
    let program = Program::new().await;
    loaded(&program, &two_clusters(), &[]);
    let journal = program.journal().await;
    let document = two_clusters();
    let pretty = serde_json::to_string_pretty(&document).unwrap();
    let texts = [
        ("json", document.to_string()),
        ("json", pretty),
        ("jsonl", lines(&document)),
        ("csv", CSV.to_owned()),
    ];
    for (format, text) in &texts {
        let utf16 = |to_bytes: fn(u16) -> [u8; 2]| {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            units.flat_map(to_bytes).collect::<Vec<u8>>()
        };
        let forms: [(&str, Vec<u8>); 8] = [
            ("", text.clone().into_bytes()),
            (".gz", gzip(text)),
            (".zst", zstd::encode_all(text.as_bytes(), 3).unwrap()),
            (".zst", with_skippable_frames(text)),
            ("", utf16(u16::to_le_bytes)),
            ("", utf16(u16::to_be_bytes)),
            (
                ".zst",
                zstd::encode_all(&*utf16(u16::to_le_bytes), 3).unwrap(),
            ),
            (
                "",
                [b"\xef\xbb\xbf", text.replace('\n', "\r\n").as_bytes()].concat(),
            ),
        ];
        for (suffix, bytes) in forms {
            let named = program.home.path().join(format!("report.{format}{suffix}"));
            let unnamed = program.home.path().join("report");
            std::fs::write(&named, &bytes).unwrap();
            std::fs::write(&unnamed, &bytes).unwrap();
            for ran in [
                load(&program, &bytes, &[]),
                load(&program, &bytes, &["--format", format]),
                program.run(&["cust", "load", named.to_str().unwrap()]),
                program.run(&["cust", "load", unnamed.to_str().unwrap()]),
            ] {
                assert_eq!(
                    (ran.status, ran.stderr.as_str()),
                    (0, "nothing to change\n"),
                    "{format}{suffix}: {ran:?}"
                );
            }
        }
    }
    assert_eq!(program.journal().await, journal);
}

#[tokio::test]
async fn json_fields_can_be_in_any_order() {
    let program = Program::new().await;
    let sorted = r#"{"hosts": [{"running": "1", "distro": "debian12", "name": "h1"}], "name": "acme-1", "type": 1}
                    {"type": "lab", "hosts": [{"installed": ["1"], "distro": "debian12", "name": "h1"}], "name": "beta"}"#;
    assert_eq!(load(&program, sorted, &[]).status, 0);
    assert_eq!(live(&program).await, "acme-1 h1 1*\nbeta h1 1");
    assert_eq!(live_clusters(&program).await, "acme-1 1, beta 4");
}

#[tokio::test]
async fn quoted_fields_can_contain_commas_quotes_and_backslashes() {
    let program = Program::new().await;
    let text = "cluster,type,host,distro,version,current\r\n\
        \"Acme, \"\"Europe\"\"\",out of support,\"back\\slash, \\N\",debian12,6.1.0~x-t1,true\r\n\"π, 日本\",6,,,,\r\n";
    assert_eq!(load(&program, text, &[]).status, 0);
    assert_eq!(
        live(&program).await,
        "Acme, \"Europe\" back\\slash, \\N 6.1.0~x-t1*"
    );
    assert_eq!(
        live_clusters(&program).await,
        "Acme, \"Europe\" 5, π, 日本 6"
    );
    let shown = program
        .done(&["cust", "show", "Acme, \"Europe\"", "--csv"])
        .stdout;
    let empty = program.done(&["cust", "show", "π, 日本", "--csv"]).stdout;
    let both = format!("{shown}{}", empty.split_once('\n').unwrap().1);
    let again = load(&program, both, &[]);
    assert_eq!(
        (again.status, again.stderr.as_str()),
        (0, "nothing to change\n"),
        "the shown report equals the loaded one: {again:?}"
    );
}

#[tokio::test]
async fn csv_lines_of_a_cluster_may_be_separated() {
    let program = Program::new().await;
    let text = "cluster,type,host,distro,version,current\na,1,h1,debian12,1,t\nb,2,h1,debian12,1,t\na,production,h2,debian12,1,t\n";
    assert_eq!(load(&program, text, &[]).status, 0);
    assert_eq!(live(&program).await, "a h1 1*\na h2 1*\nb h1 1*");
}

#[tokio::test]
async fn a_long_line_of_many_hosts_is_no_long_record() {
    let program = Program::new().await;
    let installed: Vec<String> = (1..=8)
        .map(|number| format!("6.1.0-{number}-cloud-amd64"))
        .collect();
    let hosts: Vec<Value> = (0..6000)
        .map(
            |number| json!({"name": format!("h{number}"), "distro": "debian12", "running": installed[7], "installed": installed}),
        )
        .collect();
    let report = clusters(&[json!({"name": "acme-1", "type": 1, "hosts": hosts})]);
    assert!(
        report.to_string().len() > 1 << 20,
        "it is longer than any record"
    );
    let ran = loaded(&program, &report, &[]);
    assert!(
        ran.stderr
            .contains("hosts: 6000 new\nkernels on hosts: 48000 new\n"),
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .starts_with("47009 more changes (--limit 0 prints all)\n"),
        "{ran:?}"
    );
    assert_eq!(ran.stdout.lines().count(), 1000);
    assert_eq!(loaded(&program, &report, &[]).stderr, "nothing to change\n");
}
