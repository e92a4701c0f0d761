//! Reports in CSV (RFC 4180): one kernel of a host per line, with adjacent lines for a host.

use memchr::memchr_iter;
use sqern_db::cust::load::Place;
use sqern_model::{ClusterName, DistroName, HostName, KernelVersion, ReportedHost, TypeWord};

use super::input::{Input, Position, RECORD_BYTES, describe_failure};
use super::invalid::InvalidReport;
use super::rows::Rows;

/// The header line. A line that contains only a cluster and its type is a cluster without hosts.
pub const HEADER: [&str; 6] = ["cluster", "type", "host", "distro", "version", "current"];

/// Adjacent lines of a cluster.
struct Part {
    cluster: String,
    type_word: String,
    number: i32,
}

/// A host whose lines are being read.
struct Lines {
    host: ReportedHost,
    place: Place,
    bytes: usize,
}

/// Reads a report to its end.
pub(super) fn read(mut input: Input, rows: &mut Rows) -> Result<(), InvalidReport> {
    input.use_newlines();
    let position = input.position();
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(input);
    let mut record = ::csv::StringRecord::new();
    let (mut part, mut lines) = (None::<Part>, None::<Lines>);
    let mut is_header = true;
    loop {
        let begin = line_of(reader.position());
        match reader.read_record(&mut record) {
            Ok(true) => position.end_record(),
            Ok(false) if is_header => return Err(wrong_header("an empty report", 1)),
            Ok(false) => break,
            Err(error) => return Err(describe(&error, begin, &position)),
        }
        // The newline at the end of an unterminated quoted field would count twice.
        let line = first_line(&record, reader.position(), &position).max(begin);
        if std::mem::take(&mut is_header) {
            if record != HEADER[..] {
                return Err(wrong_header(
                    &format!("{:?}", record.iter().collect::<Vec<_>>().join(",")),
                    line,
                ));
            }
            continue;
        }
        let place = Place { line, record: None };
        let wrong = |message: String| InvalidReport::at(place, message);
        let [cluster, type_word, host] = [&record[0], &record[1], &record[2]];
        let same_part = part
            .as_ref()
            .is_some_and(|part| part.cluster == *cluster && part.type_word == *type_word);
        if !same_part
            || lines
                .as_ref()
                .is_none_or(|lines| lines.host.name.as_str() != host)
        {
            finish_host(rows, part.as_ref(), lines.take())?;
        }
        if !same_part {
            let name = ClusterName::new(cluster).map_err(|error| wrong(error.to_string()))?;
            let type_id = rows
                .type_id(&TypeWord(type_word.to_owned()))
                .map_err(wrong)?;
            let number = rows.begin_cluster();
            rows.cluster(number, &name, type_id, line).map_err(wrong)?;
            part = Some(Part {
                cluster: cluster.to_owned(),
                type_word: type_word.to_owned(),
                number,
            });
        }
        if record.iter().skip(2).all(str::is_empty) {
            continue;
        }
        let lines = match &mut lines {
            Some(lines) => lines,
            none => {
                position.begin_record();
                let place = position.at_line(line);
                let result = begin_host(&record, place);
                none.insert(result.map_err(|message| InvalidReport::at(place, message))?)
            }
        };
        lines.add(&record).map_err(|message| {
            InvalidReport::at(
                Place {
                    line,
                    ..lines.place
                },
                message,
            )
        })?;
    }
    finish_host(rows, part.as_ref(), lines)
}

fn begin_host(record: &::csv::StringRecord, place: Place) -> Result<Lines, String> {
    let name = HostName::new(&record[2]).map_err(|error| error.to_string())?;
    let distro = DistroName::new(&record[3]).map_err(|error| error.to_string())?;
    Ok(Lines {
        host: ReportedHost {
            name,
            distro,
            running: None,
            installed: vec![],
        },
        place,
        bytes: 0,
    })
}

impl Lines {
    /// Adds a kernel of the host.
    fn add(&mut self, record: &::csv::StringRecord) -> Result<(), String> {
        let Self { host, bytes, .. } = self;
        *bytes += record.as_slice().len();
        if *bytes > RECORD_BYTES {
            return Err(format!(
                "lines of host {:?} exceed {} KiB",
                host.name.as_str(),
                RECORD_BYTES >> 10
            ));
        }
        if host.distro.as_str() != &record[3] {
            return Err(format!(
                "host {:?} has 2 distributions, {:?} and {:?}",
                host.name.as_str(),
                host.distro.as_str(),
                &record[3]
            ));
        }
        let version = KernelVersion::new(&record[4]).map_err(|error| error.to_string())?;
        if boolean(&record[5])? {
            if let Some(running) = &host.running {
                return Err(format!(
                    "host {:?} has 2 current kernels, {running} and {version}",
                    host.name.as_str()
                ));
            }
            host.running = Some(version.clone());
        }
        host.installed.push(version);
        Ok(())
    }
}

fn finish_host(
    rows: &mut Rows,
    part: Option<&Part>,
    lines: Option<Lines>,
) -> Result<(), InvalidReport> {
    let (Some(part), Some(lines)) = (part, lines) else {
        return Ok(());
    };
    rows.host(part.number, &lines.host, lines.place)
        .map_err(|message| InvalidReport::at(lines.place, message))
}

/// Parses a boolean as PostgreSQL does, case-insensitively.
fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err(format!(
            "expected true or false in column \"current\", found {text:?}"
        )),
    }
}

/// Returns the line in which a record starts. `end` is the position after it. The position of the
/// record itself is that of the blank lines before it.
fn first_line(record: &::csv::StringRecord, end: &::csv::Position, position: &Position) -> i64 {
    let inner = memchr_iter(b'\n', record.as_slice().as_bytes()).count();
    let last = i64::from(position.is_line_end(end.byte()));
    line_of(end) - i64::try_from(inner).unwrap_or(i64::MAX) - last
}

fn line_of(position: &::csv::Position) -> i64 {
    i64::try_from(position.line()).unwrap_or(i64::MAX)
}

fn wrong_header(found: &str, line: i64) -> InvalidReport {
    let place = Place { line, record: None };
    let error = InvalidReport::at(
        place,
        format!("expected the header {}, found {found}", HEADER.join(",")),
    );
    if found.contains(';') {
        return error.with_hint("Separate columns by commas instead of semicolons.");
    }
    error.with_hint("Use --format json or --format jsonl if the report is not CSV.")
}

fn describe(error: &::csv::Error, line: i64, position: &Position) -> InvalidReport {
    let mut place = Place {
        line: error.position().map_or(line, line_of),
        record: None,
    };
    let message = match error.kind() {
        ::csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("expected {expected_len} fields, found {len}"),
        ::csv::ErrorKind::Utf8 { .. } => "invalid UTF-8".to_owned(),
        ::csv::ErrorKind::Io(error) => {
            let (reason, is_at_end) = describe_failure(&error.to_string(), position);
            if is_at_end {
                place.line = position.place().line;
            }
            reason
        }
        _ => format!("invalid CSV: {error}"),
    };
    InvalidReport::at(place, message)
}
