//! Converts reports of all formats to the same rows.

use std::collections::{BTreeMap, HashSet};
use std::io;

use sqern_db::cust::ClusterType;
use sqern_db::cust::load::{Place, ReportRow};
use sqern_model::{ClusterName, DistroName, ReportedHost, TypeWord, counted};

use super::invalid::{InvalidReport, unreadable};
use super::stored_rows::StoredRows;

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

/// Collects and stores rows.
pub(super) struct Rows {
    known: KnownNames,
    stored: StoredRows,
    clusters: i32,
    hosts: i64,
    missing: BTreeMap<DistroName, Missing>,
}

impl Rows {
    pub(super) fn new(known: KnownNames) -> Self {
        Self {
            known,
            stored: StoredRows::new(),
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
        self.add(&ReportRow {
            line: Some(line),
            record: None,
            cluster: number,
            cltype: Some(type_id),
            current: None,
            host: None,
            distro: None,
            version: None,
            name: Some(name.as_str()),
        })
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
        for (index, (version, current)) in kernels.into_iter().enumerate() {
            let is_first = index == 0;
            self.add(&ReportRow {
                line: is_first.then_some(place.line),
                record: is_first.then(|| place.record.unwrap_or_default()),
                cluster,
                cltype: None,
                current: Some(current),
                host: Some(host.name.as_str()),
                distro: Some(host.distro.as_str()),
                version: Some(version.as_str()),
                name: None,
            })?;
        }
        Ok(())
    }

    /// Returns the rows and the number of hosts.
    ///
    /// # Errors
    ///
    /// Returns an error for unknown distributions.
    pub(super) fn finish(self) -> Result<(StoredRows, i64), InvalidReport> {
        match self.unknown_distros() {
            Some(error) => Err(error),
            None => Ok((self.stored, self.hosts)),
        }
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

    fn add(&mut self, row: &ReportRow<'_>) -> Result<(), String> {
        let describe =
            |error: io::Error| unreadable(&format!("could not write to a temporary file: {error}"));
        self.stored.add(row).map_err(describe)
    }
}
