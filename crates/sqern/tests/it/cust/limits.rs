//! Limits of a load: memory, files and privileges.

use serde_json::Value;

use super::refused::Known;
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
    assert_eq!(as_role("sqern_writer", &two_clusters()).status, 0);
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
