//! Converts reports of all formats to rows for COPY.

use std::collections::{BTreeMap, HashSet};

use sqern_db::cust::ClusterType;
use sqern_db::cust::load::Place;
use sqern_model::{ClusterName, DistroName, ReportedHost, TypeWord, counted};
use tokio::sync::mpsc::Sender;

use super::invalid::InvalidReport;

/// Null in COPY.
const NULL: &str = "\\N";
/// The size from which a block is sent.
const BLOCK_BYTES: usize = 256 * 1024;
/// The maximum number of reported unknown distributions, and of places for each of them.
const MAX_LISTED: usize = 5;

/// The cluster types and distributions that a report may contain.
#[derive(Debug, Clone)]
pub struct KnownNames {
    types: Vec<(i32, String)>,
    distros: HashSet<DistroName>,
}

impl KnownNames {
    /// Creates the sets of cluster types and distributions.
    pub fn new(types: &[ClusterType], distros: impl IntoIterator<Item = DistroName>) -> Self {
        Self {
            types: types
                .iter()
                .map(|cltype| (cltype.id, cltype.name.clone()))
                .collect(),
            distros: distros.into_iter().collect(),
        }
    }

    /// Returns the number of a type that is specified by name or number.
    ///
    /// # Errors
    ///
    /// Returns a message with the known types.
    pub fn type_id(&self, word: &TypeWord) -> Result<i32, String> {
        let by_name = self.types.iter().find(|(_, name)| *name == word.0);
        let by_number = || self.types.iter().find(|(id, _)| id.to_string() == word.0);
        by_name
            .or_else(by_number)
            .map(|(id, _)| *id)
            .ok_or_else(|| {
                let all: Vec<String> = self
                    .types
                    .iter()
                    .map(|(id, name)| format!("{id} ({name})"))
                    .collect();
                format!(
                    "unknown cluster type {:?}; the types are {}",
                    word.0,
                    all.join(", ")
                )
            })
    }
}

/// An unknown distribution: the number of its hosts, and the places of the first ones.
#[derive(Default)]
struct Missing {
    hosts: u64,
    places: Vec<Place>,
}

/// Collects rows into blocks, and sends them.
pub(super) struct Rows {
    known: KnownNames,
    blocks: Sender<Vec<u8>>,
    block: Vec<u8>,
    clusters: i32,
    hosts: i64,
    missing: BTreeMap<DistroName, Missing>,
}

impl Rows {
    pub(super) fn new(known: KnownNames, blocks: Sender<Vec<u8>>) -> Self {
        Self {
            known,
            blocks,
            block: vec![],
            clusters: 0,
            hosts: 0,
            missing: BTreeMap::new(),
        }
    }

    /// Starts a cluster, or a part of one, and returns its number.
    pub(super) fn begin_cluster(&mut self) -> i32 {
        self.clusters += 1;
        self.clusters
    }

    /// Returns the number of a type; see [`KnownNames::type_id`].
    pub(super) fn type_id(&self, word: &TypeWord) -> Result<i32, String> {
        self.known.type_id(word)
    }

    /// Adds the name and type of a started cluster at this line.
    pub(super) fn cluster(
        &mut self,
        number: i32,
        name: &ClusterName,
        type_id: i32,
        line: i64,
    ) -> Result<(), String> {
        self.fields(&[
            &line.to_string(),
            NULL,
            &number.to_string(),
            &type_id.to_string(),
            NULL,
            NULL,
            NULL,
            NULL,
        ]);
        self.text(name.as_str());
        self.end_row()
    }

    /// Adds a host of a started cluster. Hosts with an unknown distribution are only counted, so
    /// that one error reports all of them.
    pub(super) fn host(
        &mut self,
        cluster: i32,
        host: &ReportedHost,
        place: Place,
    ) -> Result<(), String> {
        let kernels = host.kernels().map_err(|error| error.to_string())?;
        self.hosts += 1;
        if !self.known.distros.contains(&host.distro) {
            self.add_missing(&host.distro, place);
            return Ok(());
        }
        let number = cluster.to_string();
        for (index, (version, current)) in kernels.into_iter().enumerate() {
            if index == 0 {
                self.fields(&[
                    &place.line.to_string(),
                    &place.record.unwrap_or_default().to_string(),
                ]);
            } else {
                self.fields(&[NULL, NULL]);
            }
            self.fields(&[&number, NULL, if current { "t" } else { "f" }]);
            self.text(host.name.as_str());
            self.text(host.distro.as_str());
            self.text(version.as_str());
            self.fields(&[NULL]);
            self.end_row()?;
        }
        Ok(())
    }

    /// Sends the last block, and returns the number of hosts.
    ///
    /// # Errors
    ///
    /// Returns an error for unknown distributions.
    pub(super) fn finish(mut self) -> Result<i64, InvalidReport> {
        if let Some(error) = self.unknown_distros() {
            return Err(error);
        }
        if !self.block.is_empty() {
            self.send().map_err(InvalidReport::new)?;
        }
        Ok(self.hosts)
    }

    fn unknown_distros(&self) -> Option<InvalidReport> {
        if self.missing.is_empty() {
            return None;
        }
        let listed: Vec<String> = self
            .missing
            .iter()
            .take(MAX_LISTED)
            .map(|(distro, missing)| {
                let places: Vec<String> = missing.places.iter().map(Place::to_string).collect();
                let more = if missing.hosts > missing.places.len() as u64 {
                    ", …"
                } else {
                    ""
                };
                format!(
                    "{:?} ({}: {}{more})",
                    distro.as_str(),
                    counted(missing.hosts, "host"),
                    places.join(", ")
                )
            })
            .collect();
        let more = if self.missing.len() > MAX_LISTED {
            format!(" and {} more", self.missing.len() - MAX_LISTED)
        } else {
            String::new()
        };
        let noun = if self.missing.len() == 1 {
            "distribution"
        } else {
            "distributions"
        };
        let message = format!("unknown {noun} {}{more}", listed.join(", "));
        Some(
            InvalidReport::new(message)
                .with_hint("sqern distro import  # or: sqern distro add NAME VARIANT"),
        )
    }

    fn add_missing(&mut self, distro: &DistroName, place: Place) {
        // Bounded, because an invalid report may contain a new distribution for each host.
        if self.missing.len() > 10 * MAX_LISTED && !self.missing.contains_key(distro) {
            return;
        }
        let missing = self.missing.entry(distro.clone()).or_default();
        missing.hosts += 1;
        if missing.places.len() < MAX_LISTED {
            missing.places.push(place);
        }
    }

    /// Adds fields that need no escaping.
    fn fields(&mut self, fields: &[&str]) {
        for field in fields {
            self.block.extend_from_slice(field.as_bytes());
            self.block.push(b'\t');
        }
    }

    /// Adds a text field. Names contain no control characters, so only the backslash is escaped for
    /// COPY.
    fn text(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte == b'\\' {
                self.block.push(b'\\');
            }
            self.block.push(byte);
        }
        self.block.push(b'\t');
    }

    /// Ends a row: replaces the last tab by a newline.
    fn end_row(&mut self) -> Result<(), String> {
        self.block.pop();
        self.block.push(b'\n');
        if self.block.len() > BLOCK_BYTES {
            self.send()
        } else {
            Ok(())
        }
    }

    fn send(&mut self) -> Result<(), String> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES + 1024));
        self.blocks
            .blocking_send(block)
            .map_err(|_| "could not send the report to the database: connection closed".to_owned())
    }
}
