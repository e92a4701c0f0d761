//! The rows of a report until they are sent to the database.

use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::str::FromStr;

use sqern_db::cust::load::ReportRow;
use tempfile::SpooledTempFile;

/// The size from which a block is written or sent.
const BLOCK_BYTES: usize = 256 * 1024;
/// The maximum size of the rows in memory. More rows are stored in a temporary file.
const IN_MEMORY_BYTES: usize = 4 << 20;
/// The number of fields of a row.
const FIELDS: usize = 9;

/// Rows in memory or in a temporary file.
///
/// A row is a line of fields, which tabs separate. An empty field is null. Names contain neither
/// control characters nor only blanks, so they need no escaping.
#[derive(Debug)]
pub(super) struct StoredRows {
    file: SpooledTempFile,
    block: Vec<u8>,
}

impl StoredRows {
    pub(super) fn new() -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY_BYTES),
            block: vec![],
        }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: &ReportRow<'_>) -> io::Result<()> {
        let ReportRow {
            line,
            record,
            cluster,
            cltype,
            current,
            host,
            distro,
            version,
            name,
        } = row;
        for number in [
            *line,
            *record,
            Some(i64::from(*cluster)),
            cltype.map(i64::from),
        ] {
            if let Some(number) = number {
                write!(self.block, "{number}")?;
            }
            self.block.push(b'\t');
        }
        if let Some(current) = current {
            write!(self.block, "{current}")?;
        }
        for text in [host, distro, version, name] {
            self.block.push(b'\t');
            self.block
                .extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        self.block.push(b'\n');
        if self.block.len() > BLOCK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }

    /// Returns the rows in blocks of whole lines.
    pub(super) fn blocks(mut self) -> io::Result<impl Iterator<Item = io::Result<String>>> {
        self.flush()?;
        self.file.rewind()?;
        let mut reader = BufReader::new(self.file);
        Ok(std::iter::from_fn(move || {
            next_block(&mut reader)
                .map(|block| (!block.is_empty()).then_some(block))
                .transpose()
        }))
    }
}

fn next_block(reader: &mut impl BufRead) -> io::Result<String> {
    let mut block = vec![];
    reader
        .by_ref()
        .take(BLOCK_BYTES as u64)
        .read_to_end(&mut block)?;
    reader.read_until(b'\n', &mut block)?;
    String::from_utf8(block).map_err(io::Error::other)
}

/// Returns the rows of a block.
pub(super) fn rows_of(block: &str) -> io::Result<Vec<ReportRow<'_>>> {
    block
        .lines()
        .map(|line| row_of(line).ok_or_else(|| io::ErrorKind::InvalidData.into()))
        .collect()
}

fn row_of(line: &str) -> Option<ReportRow<'_>> {
    let fields: Vec<Option<&str>> = line
        .split('\t')
        .map(|field| Some(field).filter(|field| !field.is_empty()))
        .collect();
    let [
        line,
        record,
        cluster,
        cltype,
        current,
        host,
        distro,
        version,
        name,
    ] = <[Option<&str>; FIELDS]>::try_from(fields).ok()?;
    Some(ReportRow {
        line: parse(line).ok()?,
        record: parse(record).ok()?,
        cluster: cluster?.parse().ok()?,
        cltype: parse(cltype).ok()?,
        current: parse(current).ok()?,
        host,
        distro,
        version,
        name,
    })
}

/// Parses a field that can be null.
fn parse<T: FromStr>(field: Option<&str>) -> Result<Option<T>, T::Err> {
    field.map(str::parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: i64, host: &str) -> ReportRow<'_> {
        ReportRow {
            line: (number % 2 == 0).then_some(number),
            record: None,
            cluster: 7,
            cltype: None,
            current: Some(number % 3 == 0),
            host: Some(host),
            distro: Some("alma8"),
            version: Some(r"\N"),
            name: None,
        }
    }

    #[test]
    fn stored_rows_are_returned_in_blocks_of_whole_rows() {
        let hosts: Vec<String> = (0..50_000).map(|number| format!("hé {number}")).collect();
        let rows: Vec<ReportRow<'_>> = (0..).zip(&hosts).map(|(n, host)| row(n, host)).collect();
        let mut stored = StoredRows::new();
        for row in &rows {
            stored.add(row).unwrap();
        }
        let blocks: Vec<String> = stored.blocks().unwrap().map(Result::unwrap).collect();
        assert!(blocks.len() > 3, "{}", blocks.len());
        let returned: Vec<ReportRow<'_>> = blocks
            .iter()
            .flat_map(|block| rows_of(block).unwrap())
            .collect();
        assert_eq!(returned, rows);
    }

    #[test]
    fn a_report_without_rows_has_no_blocks() {
        assert_eq!(StoredRows::new().blocks().unwrap().count(), 0);
        assert!(rows_of("1\t2\n").is_err());
    }
}
