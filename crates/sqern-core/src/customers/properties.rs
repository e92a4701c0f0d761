//! Properties of the readers for valid reports and for arbitrary bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;

use proptest::prelude::*;
use serde_json::{Value, json};
use sqern_archive::Compression;
use sqern_db::cust::ClusterType;
use sqern_model::DistroName;

use super::reader::{CompleteReport, read as read_report};
use super::{HEADER, InvalidReport, KnownNames, ReportFormat, ReportSource};

const FORMATS: [ReportFormat; 3] = [
    ReportFormat::Json,
    ReportFormat::JsonLines,
    ReportFormat::Csv,
];

/// Reads these bytes, and returns the result and the rows.
fn read(
    bytes: &[u8],
    format: Option<ReportFormat>,
) -> (Result<CompleteReport, InvalidReport>, String) {
    let source = ReportSource::Stream {
        name: "a test".to_owned(),
        bytes: Box::new(Cursor::new(bytes.to_vec())),
    };
    let types = [ClusterType {
        id: 1,
        name: "production".to_owned(),
        clusters: 0,
    }];
    let known = KnownNames::new(&types, [DistroName::new("alma8").unwrap()]);
    match read_report(source, format, known) {
        Ok((complete, rows)) => {
            let rows = rows.blocks().unwrap().map(Result::unwrap).collect();
            (Ok(complete), rows)
        }
        Err(error) => (Err(error), String::new()),
    }
}

/// Returns the rows without their places, which depend on the format.
fn contents(rows: &str) -> Vec<String> {
    let mut rows: Vec<String> = rows
        .lines()
        .map(|row| row.splitn(3, '\t').nth(2).unwrap().to_owned())
        .collect();
    rows.sort_unstable();
    rows
}

/// Clusters, each with hosts, each with kernels of which the first runs or none does.
type Clusters = BTreeMap<String, BTreeMap<String, (Vec<String>, bool)>>;

fn name() -> impl Strategy<Value = String> {
    // With special characters of JSON, CSV and the array syntax of PostgreSQL.
    "[a-zé\\\\\",:;'{}]([a-zé \\\\\",:;'{}]{0,5}[a-zé\\\\\",:;'{}])?"
}

fn clusters() -> impl Strategy<Value = Clusters> {
    let version = "[a-z0-9][a-z0-9._+~:-]{0,5}";
    let kernels = prop::collection::btree_set(version, 1..4)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>());
    let hosts = prop::collection::btree_map(name(), (kernels, any::<bool>()), 0..4);
    prop::collection::btree_map(name(), hosts, 1..4)
}

fn as_json(name: &str, hosts: &BTreeMap<String, (Vec<String>, bool)>) -> Value {
    let host = |(name, (kernels, runs)): (&String, &(Vec<String>, bool))| {
        let mut host = json!({"name": name, "distro": "alma8", "installed": kernels});
        if *runs {
            host["running"] = json!(kernels[0]);
        }
        host
    };
    json!({"name": name, "type": "production", "hosts": hosts.iter().map(host).collect::<Vec<_>>()})
}

fn written(clusters: &Clusters, format: ReportFormat) -> String {
    let documents = || clusters.iter().map(|(name, hosts)| as_json(name, hosts));
    match format {
        ReportFormat::Json => json!({"clusters": documents().collect::<Vec<_>>()}).to_string(),
        ReportFormat::JsonLines => documents().fold(String::new(), |mut text, cluster| {
            let _ = writeln!(text, "{cluster}");
            text
        }),
        ReportFormat::Csv => {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(vec![]);
            writer.write_record(HEADER).unwrap();
            for (cluster, hosts) in clusters {
                if hosts.is_empty() {
                    writer
                        .write_record([cluster, "production", "", "", "", ""])
                        .unwrap();
                }
                for (host, (kernels, runs)) in hosts {
                    for (index, kernel) in kernels.iter().enumerate() {
                        let current = if *runs && index == 0 { "true" } else { "false" };
                        writer
                            .write_record([cluster, "production", host, "alma8", kernel, current])
                            .unwrap();
                    }
                }
            }
            String::from_utf8(writer.into_inner().unwrap()).unwrap()
        }
    }
}

/// Encodes a text as UTF-16 with a byte order mark.
fn utf16(text: &str, is_big: bool) -> Vec<u8> {
    let to_bytes = if is_big {
        u16::to_be_bytes
    } else {
        u16::to_le_bytes
    };
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(to_bytes).collect()
}

proptest! {
    #[test]
    fn all_formats_of_a_report_are_equivalent(clusters in clusters()) {
        let hosts: usize = clusters.values().map(BTreeMap::len).sum();
        let read_as: Vec<_> = FORMATS.iter().map(|format| read(written(&clusters, *format).as_bytes(), Some(*format))).collect();
        for ((result, rows), format) in read_as.iter().zip(FORMATS) {
            let expected = CompleteReport { format, hosts: i64::try_from(hosts).unwrap() };
            prop_assert_eq!(result, &Ok(expected));
            prop_assert_eq!(contents(rows), contents(&read_as[0].1), "{:?}", format);
        }
    }

    #[test]
    fn encodings_and_compressions_do_not_change_a_report(
        clusters in clusters(),
        format in prop::sample::select(&FORMATS[..]),
        is_utf16 in any::<bool>(),
        is_big in any::<bool>(),
        compression in prop::sample::select(&[Compression::Plain, Compression::Gzip, Compression::Zstd][..]),
        members in 1_usize..4,
        skippable in any::<bool>(),
    ) {
        let text = written(&clusters, format);
        let bytes = if is_utf16 { utf16(&text, is_big) } else { text.clone().into_bytes() };
        let size = bytes.len().div_ceil(members);
        // A skippable frame with a content of 2 bytes.
        let frame = if skippable && compression == Compression::Zstd { &b"\x5a\x2a\x4d\x18\x02\0\0\0xy"[..] } else { b"" };
        let file: Vec<u8> = bytes.chunks(size).flat_map(|part| [frame, &compression.compress(part).unwrap(), frame].concat()).collect();
        let (result, rows) = read(&file, None);
        prop_assert_eq!(result.map(|report| report.format), Ok(format), "{:?}", compression);
        prop_assert_eq!(contents(&rows), contents(&read(text.as_bytes(), Some(format)).1));
    }

    #[test]
    fn a_changed_code_unit_is_accepted_or_rejected_with_a_place(
        clusters in clusters(),
        format in prop::sample::select(&FORMATS[..]),
        place in any::<prop::sample::Index>(),
        unit in prop_oneof![any::<u16>(), 0xd800_u16..0xe000],
    ) {
        let mut units: Vec<u16> = written(&clusters, format).encode_utf16().collect();
        let place = place.index(units.len());
        units[place] = unit;
        let is_valid = String::from_utf16(&units).is_ok();
        let line = i64::try_from(units[..place].iter().filter(|unit| **unit == 10).count()).unwrap() + 1;
        let column = place - units[..place].iter().rposition(|unit| *unit == 10).map_or(0, |end| end + 1) + 1;
        let bytes: Vec<u8> = std::iter::once(0xfeff).chain(units).flat_map(u16::to_le_bytes).collect();
        let (result, _) = read(&bytes, Some(format));
        if !is_valid {
            let error = result.unwrap_err();
            prop_assert_eq!(error.place.map(|place| place.line), Some(line));
            prop_assert_eq!(error.reason, format!("invalid UTF-16 at column {column}: lone surrogate 0x{unit:X}"));
        }
    }

    #[test]
    fn any_bytes_are_accepted_or_rejected_with_a_message(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        format in prop::option::of(prop::sample::select(&FORMATS[..])),
    ) {
        if let (Err(error), _) = read(&bytes, format) {
            prop_assert!(!error.reason.is_empty());
        }
    }

    #[test]
    fn a_changed_byte_is_accepted_or_rejected_with_a_place(
        clusters in clusters(),
        format in prop::sample::select(&FORMATS[..]),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = written(&clusters, format).into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let (Err(error), _) = read(&bytes, Some(format)) {
            prop_assert!(!error.reason.is_empty());
            let lines = i64::try_from(bytes.split(|byte| b"\r\n".contains(byte)).count()).unwrap();
            prop_assert!(error.place.is_none_or(|place| (1..=lines).contains(&place.line)), "{:?} of {} lines", error.place, lines);
        }
    }
}
