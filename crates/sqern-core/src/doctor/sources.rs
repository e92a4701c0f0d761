//! Checks the sources, their keyrings and their servers.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use sqern_model::{
    Diagnostic as _, DistroDef, DistroName, SignaturePolicy, Source, SourceSet, counted, join_some,
};
use sqern_upstream::{
    Client, ClientOptions, CrawlOptions, Error, ProbedSource, count_certificates,
    install_keyring_commands, probe, skipped_sources,
};

use super::{DoctorRequest, Finding, clock};

/// The check of keyrings.
const KEYRING: &str = "keyring";
/// The check of root metadata of sources.
const SOURCE: &str = "source";

/// The number of certificates in the keyrings of a source; `None` if no keyring exists.
type Certificates = Result<Option<usize>, Error>;
/// The results for the root metadata of the sources of a distribution, by name.
type ProbedSources = BTreeMap<String, Result<ProbedSource, Error>>;

/// Checks the sources of the requested distributions, else of the supported ones, which are `None`
/// if the database cannot be read.
pub(super) async fn check(
    request: &DoctorRequest,
    supported: Option<&[DistroName]>,
) -> Vec<Finding> {
    let set = match &request.sources {
        Ok(set) => set,
        Err(problem) => return vec![Finding::problem("sources", problem, "sqern source list")],
    };
    let mut findings = vec![Finding::ok("sources", describe(set))];
    let requested = Some(request.distros.as_slice()).filter(|distros| !distros.is_empty());
    let Some(names) = requested.or(supported) else {
        let reason = "requires the supported distributions of the database, or --distro NAME";
        findings.extend([KEYRING, SOURCE].map(|check| Finding::skipped(check, reason)));
        return findings;
    };
    let defs: Vec<&DistroDef> = names
        .iter()
        .filter_map(|name| set.get(name))
        .filter(|def| !def.sources.is_empty())
        .collect();
    let is_without_source = |name: &&DistroName| !defs.iter().any(|def| def.name == **name);
    let without_source: Vec<String> = names
        .iter()
        .filter(is_without_source)
        .map(ToString::to_string)
        .collect();
    findings.extend(check_without_source(&without_source));
    findings.extend(check_keyrings(&read_keyrings(&defs)));
    match &request.crawl {
        Some(options) => findings.extend(check_servers(&defs, options).await),
        None => findings.push(Finding::skipped(SOURCE, "skipped because of --offline")),
    }
    findings
}

/// Returns the numbers of distributions and sources.
fn describe(set: &SourceSet) -> String {
    let sources: usize = set.distros.values().map(|def| def.sources.len()).sum();
    format!(
        "{} with {}",
        counted(set.distros.len(), "distribution"),
        counted(sources, "source")
    )
}

/// Reads the keyrings of the sources that a crawl does not skip.
fn read_keyrings<'a>(
    defs: &[&'a DistroDef],
) -> Vec<(&'a DistroDef, Vec<(&'a Source, Certificates)>)> {
    let read = |def: &'a DistroDef| {
        let skipped = skipped_sources(def);
        let is_skipped = |source: &&Source| {
            skipped
                .iter()
                .any(|(skipped, _)| skipped.name() == source.name())
        };
        let sources = def.sources.iter().filter(|source| !is_skipped(source));
        (
            def,
            sources
                .map(|source| (source, count_certificates(source)))
                .collect(),
        )
    };
    defs.iter().copied().map(read).collect()
}

/// Requests the root metadata of each source once, with short timeouts.
async fn check_servers(defs: &[&DistroDef], options: &CrawlOptions) -> Vec<Finding> {
    let limits = ClientOptions {
        jobs: 16,
        jobs_per_host: 4,
        connect_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(15),
        tries: 1,
        ..ClientOptions::default()
    };
    let client = match Client::new(limits) {
        Ok(client) => client,
        Err(error) => {
            return vec![Finding::failed(
                SOURCE,
                error.to_string(),
                "sqern doctor --offline",
            )];
        }
    };
    let probes = defs.iter().map(|&def| {
        let client = &client;
        async move { (def, probe(client, def, options).await) }
    });
    let mut findings = check_sources(&join_all(probes).await);
    findings.extend(
        client
            .servers_ahead()
            .map(|ahead| clock::check("source servers", ahead)),
    );
    findings
}

/// Returns a finding for each problem with keyrings, or one finding if there are none.
fn check_keyrings(distros: &[(&DistroDef, Vec<(&Source, Certificates)>)]) -> Vec<Finding> {
    problems_or_ok(
        KEYRING,
        distros.len(),
        "distribution",
        "the required keyrings",
        distros.iter().map(|(def, sources)| {
            let mut problems: Vec<Finding> = sources
                .iter()
                .filter_map(|(source, certificates)| check_keyring(def, source, certificates))
                .collect();
            problems.dedup();
            problems
                .into_iter()
                .map(|finding| finding.about(def.name.as_str()))
                .collect()
        }),
    )
}

/// Returns the problem with the keyrings of a source, if signatures are verified.
fn check_keyring(def: &DistroDef, source: &Source, certificates: &Certificates) -> Option<Finding> {
    let missing = || {
        format!(
            "could not find a keyring (searched {})",
            source.keyring().join(", ")
        )
    };
    let install = || {
        let commands = install_keyring_commands(&def.name, source);
        match (commands.is_empty(), source.keyring().first()) {
            (false, _) => format!(
                "{}  # or accept a missing keyring in one check: sqern check --allow-unsigned",
                commands.join("  # or: ")
            ),
            (true, Some(file)) => {
                format!("scp HOST:{file} {file}  # from a machine of that distribution")
            }
            (true, None) => sqern_upstream::ALLOW_UNSIGNED_HINT.to_owned(),
        }
    };
    match (source.signature(), certificates) {
        (SignaturePolicy::Off, _) | (_, Ok(Some(_))) => None,
        (_, Err(error)) => Some(of_error(
            KEYRING,
            error,
            "sqern source show DISTRO  # prints the file name",
        )),
        (SignaturePolicy::Require, Ok(None)) => {
            Some(Finding::failed(KEYRING, missing(), install()))
        }
        // Sources without a keyring have signed packages, but unsigned metadata.
        (SignaturePolicy::IfPresent, Ok(None)) if source.keyring().is_empty() => None,
        (SignaturePolicy::IfPresent, Ok(None)) => Some(Finding::warning(
            KEYRING,
            format!("{}; signatures are not verified", missing()),
            install(),
        )),
    }
}

/// Returns the findings for the responses of the sources.
fn check_sources(distros: &[(&DistroDef, ProbedSources)]) -> Vec<Finding> {
    let all: usize = distros.iter().map(|(_, probed)| probed.len()).sum();
    problems_or_ok(
        SOURCE,
        all,
        "source",
        "valid metadata",
        distros.iter().map(|(def, probed)| {
            let finding = if probed.is_empty() {
                let found = "all sources are skipped";
                Some(Finding::warning(
                    SOURCE,
                    found,
                    format!("sqern source show {}  # prints the missing files", def.name),
                ))
            } else {
                check_distro(def, probed)
            };
            finding
                .map(|finding| finding.about(def.name.as_str()))
                .into_iter()
                .collect()
        }),
    )
}

/// Returns the first failure of the sources of a distribution, else the first warning, with the
/// number of affected sources.
fn check_distro(def: &DistroDef, probed: &ProbedSources) -> Option<Finding> {
    let test = format!("sqern source test {}", def.name);
    let failed: Vec<(&String, &Error)> = probed
        .iter()
        .filter_map(|(name, result)| Some((name, result.as_ref().err()?)))
        .collect();
    if let Some((name, error)) = failed.first() {
        let finding = of_error(SOURCE, error, &test);
        let is_whole = failed.len() == probed.len();
        return Some(Finding {
            found: format!(
                "{} of {} failed; {name}: {}",
                failed.len(),
                counted(probed.len(), "source"),
                finding.found
            ),
            cause: is_whole.then(|| format!("all sources failed: {}", error.description().cause())),
            ..finding
        });
    }
    let first_warning = |(name, result): (&String, &Result<ProbedSource, Error>)| {
        Some((
            name.clone(),
            result.as_ref().ok()?.warnings.first()?.clone(),
        ))
    };
    let warned: Vec<(String, String)> = probed.iter().filter_map(first_warning).collect();
    let (name, warning) = warned.first()?;
    Some(Finding::warning(
        SOURCE,
        format!(
            "{} of {} with warnings; {name}: {warning}",
            warned.len(),
            counted(probed.len(), "source")
        ),
        test,
    ))
}

/// Returns all problems, or one finding with a count if there are none.
fn problems_or_ok(
    check: &'static str,
    total: usize,
    noun: &str,
    valid: &str,
    problems: impl Iterator<Item = Vec<Finding>>,
) -> Vec<Finding> {
    let problems: Vec<Finding> = problems.flatten().collect();
    if problems.is_empty() {
        vec![Finding::ok(
            check,
            format!("{} with {valid}", counted(total, noun)),
        )]
    } else {
        problems
    }
}

fn of_error(check: &'static str, error: &Error, hint: &str) -> Finding {
    Finding::failed(check, error.message(), error.hint().unwrap_or(hint))
}

/// Returns a warning about supported distributions without sources.
fn check_without_source(names: &[String]) -> Option<Finding> {
    let found = format!("{}: supported but without a source", join_some(names));
    (!names.is_empty()).then(|| {
        Finding::warning(
            SOURCE,
            found,
            "sqern source list --sources DIR  # a directory of distribution files",
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use sqern_upstream::ErrorKind;

    use super::*;
    use crate::doctor::State;

    fn def(signature: &str) -> DistroDef {
        let text = format!(
            "name = \"here\"\nvariant = \"X\"\ntitle = \"Here\"\n[[source]]\nkind = \"apt\"\nname = \"main\"\nbase = [\"https://h\"]\n\
             suite = \"s\"\ncomponents = [\"main\"]\narchitectures = [\"amd64\"]\n{signature}\n"
        );
        sqern_upstream::sources::parse("here.toml", &text).unwrap()
    }

    #[test]
    fn missing_keyrings_fail_where_signatures_are_required() {
        const FILE: &str = "keyring = [\"/k.gpg\"]\n";
        let unreadable = || {
            Err(Error::unexpected(
                ErrorKind::Keyring,
                "a readable OpenPGP keyring",
                "Permission denied",
                "/k.gpg",
            ))
        };
        for (signature, certificates, expected) in [
            (FILE.to_owned(), Ok(Some(1)), None),
            (FILE.to_owned(), Ok(None), Some(State::Failed)),
            (FILE.to_owned(), unreadable(), Some(State::Failed)),
            (
                format!("{FILE}signature = \"if-present\""),
                Ok(None),
                Some(State::Warning),
            ),
            (
                format!("{FILE}signature = \"if-present\""),
                unreadable(),
                Some(State::Failed),
            ),
            ("signature = \"if-present\"".to_owned(), Ok(None), None),
            ("signature = \"off\"".to_owned(), Ok(None), None),
        ] {
            let def = def(&signature);
            let finding = check_keyring(&def, &def.sources[0], &certificates);
            assert_eq!(
                finding.map(|finding| finding.state),
                expected,
                "{signature} {certificates:?}"
            );
        }
        let package = def(&format!("{FILE}keyring-package = \"the-keyring\""));
        let findings = check_keyrings(&[(&package, vec![(&package.sources[0], Ok(None))])]);
        assert_eq!(
            (findings[0].about.as_deref(), findings[0].found.as_str()),
            (Some("here"), "could not find a keyring (searched /k.gpg)")
        );
        assert!(
            findings[0]
                .hint
                .as_ref()
                .unwrap()
                .starts_with("apt-get install the-keyring ")
        );
    }

    #[test]
    fn the_worst_response_of_the_sources_is_reported() {
        let def = def("");
        let good = |warnings: &[&str]| {
            Ok(ProbedSource {
                url: "https://h".into(),
                warnings: warnings.iter().map(|&text| text.to_owned()).collect(),
            })
        };
        let bad = || {
            Err(Error::unexpected(
                ErrorKind::NotFound,
                "the file (HTTP status 200)",
                "HTTP status 404 Not Found",
                "https://h/x",
            ))
        };
        let finding = |probed: Vec<(&str, Result<ProbedSource, Error>)>| {
            let probed: ProbedSources = probed
                .into_iter()
                .map(|(name, result)| (name.to_owned(), result))
                .collect();
            let findings = check_sources(&[(&def, probed)]);
            assert_eq!(findings.len(), 1);
            format!("{} {}", findings[0].state.as_str(), findings[0].found)
        };
        assert_eq!(
            finding(vec![("a", good(&[])), ("b", good(&[]))]),
            "ok 2 sources with valid metadata"
        );
        assert_eq!(
            finding(vec![("a", good(&["old"])), ("b", good(&[]))]),
            "warning 1 of 2 sources with warnings; a: old"
        );
        assert_eq!(
            finding(vec![("a", good(&["old"])), ("b", bad())]),
            "failed 1 of 2 sources failed; b: expected the file (HTTP status 200), found HTTP status 404 Not Found, at https://h/x"
        );
        assert_eq!(finding(vec![]), "warning all sources are skipped");
        assert_eq!(check_without_source(&[]), None);
    }
}
