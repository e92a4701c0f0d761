//! The dependencies of kernel headers over all sources of a distribution.

use std::collections::{BTreeSet, HashMap};

use regex::Regex;
use sqern_model::DistroDef;

use super::entry::Entry;
use crate::relation::Dependency;

/// The position of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId {
    /// The index of the source.
    pub(crate) source: usize,
    /// The index of the entry in the source.
    pub(crate) entry: usize,
}

/// All entries of a distribution, by name and by provided name.
pub(crate) struct Catalog<'a> {
    sources: &'a [&'a [Entry]],
    by_name: HashMap<&'a str, Vec<EntryId>>,
    by_provided: HashMap<&'a str, Vec<(EntryId, &'a Dependency)>>,
}

/// The packages that a header package requires.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The available packages, in all sources.
    pub(crate) found: BTreeSet<EntryId>,
    /// The relations that no package satisfies.
    pub(crate) missing: BTreeSet<String>,
}

impl<'a> Catalog<'a> {
    /// Returns a catalog of the entries of all readable sources.
    pub(crate) fn new(sources: &'a [&'a [Entry]]) -> Self {
        let mut catalog = Self {
            sources,
            by_name: HashMap::new(),
            by_provided: HashMap::new(),
        };
        for (source, entries) in sources.iter().enumerate() {
            for (index, entry) in entries.iter().enumerate() {
                let id = EntryId {
                    source,
                    entry: index,
                };
                catalog.by_name.entry(&entry.name).or_default().push(id);
                for provided in &entry.provides {
                    catalog
                        .by_provided
                        .entry(&provided.name)
                        .or_default()
                        .push((id, provided));
                }
            }
        }
        catalog
    }

    /// Returns the entry at a position.
    pub(crate) fn at(&self, id: EntryId) -> &'a Entry {
        &self.sources[id.source][id.entry]
    }

    /// Returns the transitive dependencies of a header package that the rule of the distribution
    /// selects.
    pub(crate) fn needs(&self, distro: &DistroDef, headers: &'a Entry) -> Needs {
        let mut needs = Needs::default();
        let Some(rule) = headers
            .kernel
            .as_ref()
            .and_then(|(_, rule)| distro.rules.get(*rule))
        else {
            return needs;
        };
        let mut pending = vec![headers];
        let mut seen = BTreeSet::new();
        while let Some(entry) = pending.pop() {
            for relation in &entry.needs {
                let alternatives: Vec<&Dependency> = relation
                    .iter()
                    .filter(|dependency| is_support(&rule.support, dependency))
                    .collect();
                if alternatives.is_empty() {
                    continue;
                }
                let Some(best) = alternatives
                    .iter()
                    .find_map(|dependency| self.best(dependency, headers))
                else {
                    needs.missing.insert(
                        alternatives
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(" | "),
                    );
                    continue;
                };
                if seen.insert((&best.name, &best.version, &best.architecture)) {
                    needs.found.extend(self.everywhere(best));
                    pending.push(best);
                }
            }
        }
        needs
    }

    /// Returns the package that apt or dnf would install: the highest version of the name that
    /// satisfies the relation, else a package that provides it. A relation with a version requires
    /// a provided version (Debian Policy §7.5).
    fn best(&self, dependency: &Dependency, headers: &Entry) -> Option<&'a Entry> {
        let (architecture, order) = (headers.real_architecture(), headers.order);
        let fits = |entry: &&Entry| {
            entry.order == order && (entry.architecture == architecture || entry.is_for_all())
        };
        let named = self
            .by_name
            .get(dependency.name.as_str())
            .into_iter()
            .flatten()
            .map(|id| self.at(*id));
        let real = named
            .filter(fits)
            .filter(|entry| dependency.is_satisfied_by(&entry.version, order));
        let provided = self
            .by_provided
            .get(dependency.name.as_str())
            .into_iter()
            .flatten();
        let virtually = provided
            .filter(
                |(_, provided)| match (&dependency.version, &provided.version) {
                    (None, _) => true,
                    (Some(_), Some((_, version))) => dependency.is_satisfied_by(version, order),
                    (Some(_), None) => false,
                },
            )
            .map(|(id, _)| self.at(*id))
            .filter(fits);
        let highest = |left: &&Entry, right: &&Entry| order.compare(&left.version, &right.version);
        real.max_by(highest).or_else(|| virtually.max_by(highest))
    }

    /// Returns the positions of the same package in all sources.
    fn everywhere(&self, entry: &'a Entry) -> impl Iterator<Item = EntryId> {
        let ids = self
            .by_name
            .get(entry.name.as_str())
            .into_iter()
            .flatten()
            .copied();
        ids.filter(move |id| {
            let other = self.at(*id);
            other.version == entry.version
                && other.architecture == entry.architecture
                && other.checksum == entry.checksum
        })
    }
}

fn is_support(support: &Regex, dependency: &Dependency) -> bool {
    support.is_match(&dependency.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deb::relation;
    use crate::relation::VersionOrder;

    fn entry(name: &str, version: &str, needs: &str, provides: &str) -> Entry {
        Entry {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            index_architecture: "amd64".into(),
            needs: relation::parse(needs).expect("relations"),
            provides: relation::parse(provides)
                .expect("relations")
                .into_iter()
                .flatten()
                .collect(),
            url: String::new(),
            size_bytes: 1,
            checksum: "0".repeat(64),
            order: VersionOrder::Deb,
            kernel: name
                .starts_with("headers")
                .then(|| (name.parse().expect("a version"), 0)),
        }
    }

    fn distro() -> DistroDef {
        let text = "name = \"d\"\nvariant = \"D\"\ntitle = \"D\"\n[[rule]]\npackage = '^headers-(?<uname>.*)$'\nsupport = '^(kbuild|common)'\n";
        toml::from_str(text).expect("a distribution")
    }

    fn resolved(headers: &str, rest: Vec<Entry>) -> (Vec<String>, Vec<String>) {
        let mut entries = vec![entry("headers-1", "1", headers, "")];
        entries.extend(rest);
        let sources: [&[Entry]; 2] = [
            &entries[..2.min(entries.len())],
            &entries[2.min(entries.len())..],
        ];
        let catalog = Catalog::new(&sources);
        let needs = catalog.needs(&distro(), &entries[0]);
        let name = |id: &EntryId| format!("{}={}", catalog.at(*id).name, catalog.at(*id).version);
        (
            needs.found.iter().map(name).collect(),
            needs.missing.into_iter().collect(),
        )
    }

    #[test]
    fn dependencies_are_resolved_over_sources_with_bounds() {
        let rest = || {
            vec![
                entry("common-1", "1", "kbuild (>= 2), libc6", ""),
                entry("kbuild", "1", "", ""),
                entry("kbuild", "3", "", ""),
                entry("kbuild", "2", "", ""),
            ]
        };
        assert_eq!(
            resolved("common-1 (= 1), gcc", rest()),
            (vec!["common-1=1".into(), "kbuild=3".into()], vec![])
        );
        assert_eq!(
            resolved("kbuild (<< 3)", rest()),
            (vec!["kbuild=2".into()], vec![])
        );
        assert_eq!(
            resolved("common-2 | kbuild (= 1)", rest()),
            (vec!["kbuild=1".into()], vec![])
        );
        assert_eq!(
            resolved("kbuild (>> 3)", rest()),
            (vec![], vec!["kbuild (>> 3)".into()])
        );
        assert_eq!(resolved("other | gcc", rest()), (vec![], vec![]));
    }

    #[test]
    fn virtual_packages_need_a_version_to_satisfy_a_bound() {
        let rest = || {
            vec![
                entry("kbuild-6", "6", "", "kbuild (= 6)"),
                entry("common-x", "1", "", "common"),
            ]
        };
        assert_eq!(resolved("kbuild (>= 5)", rest()).0, ["kbuild-6=6"]);
        assert_eq!(resolved("common", rest()).0, ["common-x=1"]);
        assert_eq!(resolved("common (>= 1)", rest()).1, ["common (>= 1)"]);
    }

    #[test]
    fn circular_dependencies_terminate() {
        let rest = vec![
            entry("common-1", "1", "kbuild", ""),
            entry("kbuild", "1", "common-1, headers-1", ""),
        ];
        assert_eq!(resolved("common-1", rest).0, ["common-1=1", "kbuild=1"]);
    }
}
