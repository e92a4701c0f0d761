//! The dependencies of kernel headers over all sources of a distribution.
//!
//! Each relation is resolved once. The work for a kernel is then proportional to the number of its
//! packages, and the work for a relation to the logarithm of the number of versions of the package.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use sqern_model::DistroDef;

use super::entry::Entry;
use crate::Limits;
use crate::error::escape_entry_text;
use crate::relation::{Dependency, Operator, VersionOrder};

/// The number of unsatisfied relations of a kernel that are returned.
const MISSING: usize = 20;
/// The number of alternatives of an unsatisfied relation that are listed.
const ALTERNATIVES: usize = 5;

/// The position of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntryId {
    /// The index of the source.
    pub(crate) source: usize,
    /// The index of the entry in the source.
    pub(crate) entry: usize,
}

/// The architecture and the order of versions that a package must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Target<'a> {
    architecture: &'a str,
    order: VersionOrder,
}

/// The packages with a name and those that provide it, highest version first.
#[derive(Debug, Default)]
struct Candidates<'a> {
    named: Vec<EntryId>,
    providing: Vec<(EntryId, &'a Dependency)>,
}

/// The resolved relations of a package.
#[derive(Debug, Default)]
struct Resolved {
    found: Vec<EntryId>,
    /// The relations that no package satisfies.
    missing: Vec<String>,
    /// The number of relations that the rule selects.
    relations: usize,
}

/// All entries of a distribution, by name and by provided name.
pub(crate) struct Catalog<'a> {
    distro: &'a DistroDef,
    limits: &'a Limits,
    sources: &'a [&'a [Entry]],
    by_name: HashMap<&'a str, Vec<EntryId>>,
    by_provided: HashMap<&'a str, Vec<(EntryId, &'a Dependency)>>,
    /// The positions of each package in all sources.
    copies: HashMap<[&'a str; 4], Vec<EntryId>>,
    candidates: HashMap<(&'a str, Target<'a>), Rc<Candidates<'a>>>,
    best: HashMap<(&'a Dependency, Target<'a>), Option<EntryId>>,
    /// The resolved relations of a package for a rule.
    resolved: HashMap<(EntryId, usize, Target<'a>), Rc<Resolved>>,
    /// The number of compared virtual packages of the current source.
    compared: usize,
}

/// The packages that a header package requires.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The available packages, in all sources.
    pub(crate) found: BTreeSet<EntryId>,
    /// The first relations that no package satisfies.
    pub(crate) missing: BTreeSet<String>,
}

/// Dependencies that exceed a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Excess {
    /// The kernel is skipped.
    #[error("{0}")]
    Kernel(String),
    /// The source fails.
    #[error("{0}")]
    Source(String),
}

impl<'a> Catalog<'a> {
    /// Returns a catalog of the entries of all readable sources.
    pub(crate) fn new(
        distro: &'a DistroDef,
        sources: &'a [&'a [Entry]],
        limits: &'a Limits,
    ) -> Self {
        let mut catalog = Self {
            distro,
            limits,
            sources,
            by_name: HashMap::new(),
            by_provided: HashMap::new(),
            copies: HashMap::new(),
            candidates: HashMap::new(),
            best: HashMap::new(),
            resolved: HashMap::new(),
            compared: 0,
        };
        for (source, entries) in sources.iter().enumerate() {
            for (index, entry) in entries.iter().enumerate() {
                let id = EntryId {
                    source,
                    entry: index,
                };
                let name = entry.package.name.as_str();
                catalog.by_name.entry(name).or_default().push(id);
                catalog.copies.entry(identity(entry)).or_default().push(id);
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

    /// Starts the next source, to which its limits apply.
    pub(crate) fn start_source(&mut self) {
        self.compared = 0;
    }

    /// Returns the transitive dependencies of a header package that the rule of the distribution
    /// selects.
    ///
    /// # Errors
    ///
    /// Returns an error if they exceed a limit of the kernel or of the source.
    pub(crate) fn needs(&mut self, headers: EntryId) -> Result<Needs, Excess> {
        let mut needs = Needs::default();
        let entry = self.at(headers);
        let Some((_, rule)) = &entry.kernel else {
            return Ok(needs);
        };
        let target = Target {
            architecture: entry.real_architecture(),
            order: entry.order,
        };
        let exceeds = |limit: usize, what: &str| {
            Excess::Kernel(format!("it requires more than {limit} {what}"))
        };
        let (mut level, mut depth, mut relations) = (vec![headers], 0, 0);
        let mut seen = HashSet::new();
        while !level.is_empty() {
            let mut next = Vec::new();
            for id in level {
                let resolved = self.resolved(id, *rule, target)?;
                relations += resolved.relations;
                if relations > self.limits.kernel_relations {
                    return Err(exceeds(self.limits.kernel_relations, "relations"));
                }
                let named = MISSING.saturating_sub(needs.missing.len());
                needs
                    .missing
                    .extend(resolved.missing.iter().take(named).cloned());
                next.extend(
                    resolved
                        .found
                        .iter()
                        .filter(|id| seen.insert(identity(self.at(**id)))),
                );
            }
            if seen.len() > self.limits.kernel_packages {
                return Err(exceeds(self.limits.kernel_packages, "packages"));
            }
            depth += 1;
            if !next.is_empty() && depth > self.limits.kernel_depth {
                return Err(exceeds(self.limits.kernel_depth, "levels of dependencies"));
            }
            level = next;
        }
        let copies = seen.iter().filter_map(|identity| self.copies.get(identity));
        needs.found.extend(copies.flatten());
        Ok(needs)
    }

    /// Resolves the relations of a package that a rule selects.
    fn resolved(
        &mut self,
        id: EntryId,
        rule: usize,
        target: Target<'a>,
    ) -> Result<Rc<Resolved>, Excess> {
        if let Some(resolved) = self.resolved.get(&(id, rule, target)) {
            return Ok(Rc::clone(resolved));
        }
        let mut resolved = Resolved::default();
        let mut found = HashSet::new();
        let support = self.distro.rules.get(rule).map(|rule| &rule.support);
        for relation in &self.at(id).needs {
            let alternatives: Vec<&'a Dependency> = relation
                .iter()
                .filter(|dependency| {
                    support.is_some_and(|support| support.is_match(&dependency.name))
                })
                .collect();
            if alternatives.is_empty() {
                continue;
            }
            resolved.relations += alternatives.len();
            let mut best = None;
            for dependency in &alternatives {
                best = self.best(dependency, target)?;
                if best.is_some() {
                    break;
                }
            }
            match best {
                Some(id) if found.insert(id) => resolved.found.push(id),
                Some(_) => {}
                None => resolved.missing.push(unsatisfied(&alternatives)),
            }
        }
        let resolved = Rc::new(resolved);
        self.resolved
            .insert((id, rule, target), Rc::clone(&resolved));
        Ok(resolved)
    }

    /// Returns the package that apt or dnf would install: the highest version of the name that
    /// satisfies the relation, else a package that provides it. A relation with a version requires
    /// a provided version (Debian Policy §7.5).
    fn best(
        &mut self,
        dependency: &'a Dependency,
        target: Target<'a>,
    ) -> Result<Option<EntryId>, Excess> {
        if let Some(best) = self.best.get(&(dependency, target)) {
            return Ok(*best);
        }
        let candidates = self.candidates(&dependency.name, target);
        let mut best = self.highest_named(&candidates.named, dependency, target.order);
        if best.is_none() {
            best = self.highest_providing(&candidates.providing, dependency, target.order)?;
        }
        self.best.insert((dependency, target), best);
        Ok(best)
    }

    /// Returns the packages with a name for a target, sorted by version.
    fn candidates(&mut self, name: &'a str, target: Target<'a>) -> Rc<Candidates<'a>> {
        if let Some(candidates) = self.candidates.get(&(name, target)) {
            return Rc::clone(candidates);
        }
        let fits = |id: EntryId| {
            let entry = self.at(id);
            entry.order == target.order
                && (entry.package.architecture == target.architecture || entry.is_for_all())
        };
        let version = |id: EntryId| &self.at(id).package.version;
        let named = self.by_name.get(name).into_iter().flatten();
        let mut named: Vec<EntryId> = named.copied().filter(|id| fits(*id)).collect();
        // Of equal versions, the last one is preferred.
        named.reverse();
        named.sort_by(|left, right| target.order.compare(version(*right), version(*left)));
        let providing = self.by_provided.get(name).into_iter().flatten();
        let mut providing: Vec<_> = providing.copied().filter(|(id, _)| fits(*id)).collect();
        providing.reverse();
        providing
            .sort_by(|(left, _), (right, _)| target.order.compare(version(*right), version(*left)));
        let candidates = Rc::new(Candidates { named, providing });
        self.candidates
            .insert((name, target), Rc::clone(&candidates));
        candidates
    }

    /// Returns the highest version that satisfies a relation.
    fn highest_named(
        &self,
        named: &[EntryId],
        dependency: &Dependency,
        order: VersionOrder,
    ) -> Option<EntryId> {
        let version = |id: EntryId| &self.at(id).package.version;
        let index =
            match &dependency.version {
                None | Some((Operator::LaterOrEqual | Operator::Later, _)) => 0,
                Some((Operator::Earlier, bound)) => named
                    .partition_point(|id| order.compare_with_bound(version(*id), bound).is_ge()),
                Some((Operator::EarlierOrEqual | Operator::Equal, bound)) => named
                    .partition_point(|id| order.compare_with_bound(version(*id), bound).is_gt()),
            };
        named
            .get(index)
            .copied()
            .filter(|id| dependency.is_satisfied_by(version(*id), order))
    }

    /// Returns the highest version that provides a relation. The provided version is independent of
    /// the version of the package, so all packages might have to be compared.
    fn highest_providing(
        &mut self,
        providing: &[(EntryId, &Dependency)],
        dependency: &Dependency,
        order: VersionOrder,
    ) -> Result<Option<EntryId>, Excess> {
        let provides = |provided: &Dependency| match (&dependency.version, &provided.version) {
            (None, _) => true,
            (Some(_), Some((_, version))) => dependency.is_satisfied_by(version, order),
            (Some(_), None) => false,
        };
        let position = providing
            .iter()
            .position(|(_, provided)| provides(provided));
        self.compared += position.unwrap_or(providing.len());
        if self.compared > self.limits.virtual_packages {
            return Err(Excess::Source(format!(
                "its relations must be compared with more than {} virtual packages",
                self.limits.virtual_packages
            )));
        }
        Ok(position.map(|position| providing[position].0))
    }
}

/// Returns the texts that identify a package in all sources.
fn identity(entry: &Entry) -> [&str; 4] {
    let package = &*entry.package;
    [
        &package.name,
        &package.version,
        &package.architecture,
        &package.checksum,
    ]
}

/// Returns the text of a relation that no package satisfies.
fn unsatisfied(alternatives: &[&Dependency]) -> String {
    let shown: Vec<String> = alternatives.iter().map(ToString::to_string).collect();
    let text = match shown.len().saturating_sub(ALTERNATIVES) {
        0 => shown.join(" | "),
        more => format!("{} | {more} more", shown[..ALTERNATIVES].join(" | ")),
    };
    escape_entry_text(&text)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use sqern_model::Package;

    use super::*;
    use crate::deb::relation;
    use crate::relation::VersionOrder;

    fn entry(name: &str, version: &str, needs: &str, provides: &str) -> Entry {
        Entry {
            package: Arc::new(Package {
                name: name.into(),
                version: version.into(),
                architecture: "amd64".into(),
                url: String::new(),
                size_bytes: 1,
                checksum: "0".repeat(64),
            }),
            index_architecture: "amd64".into(),
            needs: relation::parse_all(needs).expect("relations"),
            provides: relation::parse_all(provides)
                .expect("relations")
                .into_iter()
                .flatten()
                .collect(),
            order: VersionOrder::Deb,
            kernel: name
                .starts_with("headers")
                .then(|| (name.parse().expect("a version"), 0)),
        }
    }

    const HEADERS: EntryId = EntryId {
        source: 0,
        entry: 0,
    };

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
        let (distro, limits) = (distro(), Limits::default());
        let mut catalog = Catalog::new(&distro, &sources, &limits);
        let needs = catalog.needs(HEADERS).expect("within the limits");
        let name = |id: &EntryId| {
            let package = &catalog.at(*id).package;
            format!("{}={}", package.name, package.version)
        };
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

    /// Resolves the first of these entries with small limits.
    fn limited(entries: &[Entry]) -> Result<Needs, Excess> {
        let limits = Limits {
            kernel_packages: 4,
            kernel_relations: 6,
            kernel_depth: 3,
            virtual_packages: 5,
            ..Limits::default()
        };
        let (distro, sources) = (distro(), [entries]);
        Catalog::new(&distro, &sources, &limits).needs(HEADERS)
    }

    fn chain(length: usize) -> Vec<Entry> {
        let mut entries = vec![entry("headers-1", "1", "common-1", "")];
        entries.extend((1..=length).map(|number| {
            let needs = format!("common-{}", number + 1);
            let needs = if number < length { needs.as_str() } else { "" };
            entry(&format!("common-{number}"), "1", needs, "")
        }));
        entries
    }

    fn star(width: usize) -> Vec<Entry> {
        let names: Vec<String> = (1..=width)
            .map(|number| format!("common-{number}"))
            .collect();
        let mut entries = vec![entry("headers-1", "1", &names.join(", "), "")];
        entries.extend(names.iter().map(|name| entry(name, "1", "", "")));
        entries
    }

    #[test]
    fn depth_packages_and_relations_of_a_kernel_are_limited() {
        for (entries, expected) in [
            (chain(3), None),
            (chain(4), Some("more than 3 levels of dependencies")),
            (star(4), None),
            (star(5), Some("more than 4 packages")),
        ] {
            let actual = limited(&entries);
            match expected {
                None => assert_eq!(actual.map(|needs| needs.found.len()), Ok(entries.len() - 1)),
                Some(expected) => {
                    let error = actual.expect_err(expected);
                    assert!(
                        matches!(&error, Excess::Kernel(text) if text.contains(expected)),
                        "{error:?}"
                    );
                }
            }
        }
        let mut entries = star(2);
        for (count, is_accepted) in [(4, true), (5, false)] {
            entries[1].needs = relation::parse_all(&"common-2, ".repeat(count)).expect("relations");
            assert_eq!(limited(&entries).is_ok(), is_accepted);
        }
    }

    #[test]
    fn comparisons_with_virtual_packages_are_limited() {
        for (count, is_accepted) in [(5, true), (6, false)] {
            let mut entries = vec![entry("headers-1", "1", "common (= 9)", "")];
            entries.extend(
                (1..=count)
                    .map(|number| entry(&format!("common-{number}"), "1", "", "common (= 1)")),
            );
            assert_eq!(
                !matches!(limited(&entries), Err(Excess::Source(_))),
                is_accepted,
                "{count}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_highest_version_that_satisfies_a_relation_is_selected(
            versions in prop::collection::vec("[1-4](\\.[1-4])?(-[1-3])?", 0..12),
            operator in prop::sample::select(vec!["", "<<", "<=", "=", ">=", ">>"]),
            bound in "[1-4](\\.[1-4])?(-[1-3])?",
            is_rpm in any::<bool>(),
        ) {
            let order = if is_rpm { VersionOrder::Rpm } else { VersionOrder::Deb };
            // A package of rpm has a release. Versions without one have no total order: 1 equals both 1-1
            // and 1-2.
            let versions: Vec<String> = versions
                .into_iter()
                .map(|version| if is_rpm && !version.contains('-') { version + "-1" } else { version })
                .collect();
            let needs = if operator.is_empty() { "kbuild".to_owned() } else { format!("kbuild ({operator} {bound})") };
            let mut entries = vec![Entry { order, ..entry("headers-1", "1", &needs, "") }];
            entries.extend(versions.iter().map(|version| Entry { order, ..entry("kbuild", version, "", "") }));
            let dependency = &entries[0].needs[0][0];
            let expected = (1..entries.len())
                .filter(|index| dependency.is_satisfied_by(&entries[*index].package.version, order))
                .max_by(|left, right| order.compare(&entries[*left].package.version, &entries[*right].package.version));
            let (distro, sources, limits) = (distro(), [entries.as_slice()], Limits::default());
            let mut catalog = Catalog::new(&distro, &sources, &limits);
            let target = Target { architecture: "amd64", order };
            let best = catalog.best(dependency, target).expect("within the limits");
            prop_assert_eq!(best.map(|id| id.entry), expected);
        }
    }
}
