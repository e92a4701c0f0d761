//! Checks the sources and their keyrings.

use std::collections::BTreeMap;

use sqern_model::{Diagnostic as _, DistroDef, SignaturePolicy, Source, counted};
use sqern_upstream::{Error, ProbedSource};

use super::{Finding, some_of};

/// The check of keyrings.
const KEYRING: &str = "keyring";
/// The check of root metadata of sources.
const SOURCE: &str = "source";

/// The number of certificates in the keyrings of a source; `None` if no keyring exists.
pub type Keys = Result<Option<usize>, Error>;
/// The results for the root metadata of the sources of a distribution, by name.
pub type Tops = BTreeMap<String, Result<ProbedSource, Error>>;

/// Returns a finding for each problem with keyrings, or one finding if there are none.
#[must_use]
pub fn keyrings(seen: &[(&DistroDef, Vec<(&Source, Keys)>)]) -> Vec<Finding> {
    gather(
        KEYRING,
        seen.len(),
        "distribution",
        "the required keyrings",
        seen.iter().map(|(def, sources)| {
            let mut troubles: Vec<Finding> = sources.iter().filter_map(|(source, keys)| keyring(source, keys)).collect();
            troubles.dedup();
            troubles.into_iter().map(|finding| finding.about(def.name.as_str())).collect()
        }),
    )
}

/// Returns the problem with the keyrings of a source, if signatures are verified.
fn keyring(source: &Source, keys: &Keys) -> Option<Finding> {
    let missing = || format!("could not find a keyring (searched {})", source.keyring().join(", "));
    let install = || match (keyring_package(source), source.keyring().first()) {
        (Some(package), _) => {
            format!("apt-get install {package}  # or skip the verification in one run: sqern check --allow-unsigned")
        }
        (None, Some(file)) => format!("scp HOST:{file} {file}  # from a machine of that distribution"),
        (None, None) => "sqern check --allow-unsigned  # skips the verification in one run".to_owned(),
    };
    match (source.signature(), keys) {
        (SignaturePolicy::Off, _) | (_, Ok(Some(_))) => None,
        (_, Err(failure)) => Some(of_failure(KEYRING, failure, "sqern source show DISTRO  # prints the file name")),
        (SignaturePolicy::Require, Ok(None)) => Some(Finding::failed(KEYRING, missing(), install())),
        // Sources without a keyring have signed packages, but unsigned metadata.
        (SignaturePolicy::IfPresent, Ok(None)) if source.keyring().is_empty() => None,
        (SignaturePolicy::IfPresent, Ok(None)) => {
            Some(Finding::warning(KEYRING, format!("{}; signatures are not verified", missing()), install()))
        }
    }
}

/// Returns the package that contains the keyrings of a source, if it names one.
fn keyring_package(source: &Source) -> Option<&str> {
    match source {
        Source::Apt(source) => source.keyring_package.as_deref(),
        Source::RpmMd(source) => source.keyring_package.as_deref(),
    }
}

/// Returns the findings for the responses of the sources.
#[must_use]
pub fn sources(seen: &[(&DistroDef, Tops)]) -> Vec<Finding> {
    let all: usize = seen.iter().map(|(_, tops)| tops.len()).sum();
    gather(
        SOURCE,
        all,
        "source",
        "valid metadata",
        seen.iter().map(|(def, tops)| {
            let finding = if tops.is_empty() {
                let found = "all sources are skipped";
                Some(Finding::warning(SOURCE, found, format!("sqern source show {}  # prints the missing files", def.name)))
            } else {
                distro(def, tops)
            };
            finding.map(|finding| finding.about(def.name.as_str())).into_iter().collect()
        }),
    )
}

/// Returns the first failure of the sources of a distribution, else the first warning, with the number of affected sources.
fn distro(def: &DistroDef, tops: &Tops) -> Option<Finding> {
    let test = format!("sqern source test {}", def.name);
    let failed: Vec<(&String, &Error)> = tops.iter().filter_map(|(name, top)| Some((name, top.as_ref().err()?))).collect();
    if let Some((name, failure)) = failed.first() {
        let finding = of_failure(SOURCE, failure, &test);
        return Some(Finding {
            found: format!("{} of {} failed; {name}: {}", failed.len(), counted(tops.len(), "source"), finding.found),
            cause: (failed.len() == tops.len()).then(|| {
                format!("all sources failed: {}", failure.description().cause().split("; next mirror").next().unwrap_or_default())
            }),
            ..finding
        });
    }
    let warned =
        |(name, top): (&String, &Result<ProbedSource, Error>)| Some((name.clone(), top.as_ref().ok()?.warnings.first()?.clone()));
    let warned: Vec<(String, String)> = tops.iter().filter_map(warned).collect();
    let (name, warning) = warned.first()?;
    Some(Finding::warning(
        SOURCE,
        format!("{} of {} with warnings; {name}: {warning}", warned.len(), counted(tops.len(), "source")),
        test,
    ))
}

/// Returns all problems, or one finding with a count if there are none.
fn gather(check: &'static str, all: usize, noun: &str, well: &str, each: impl Iterator<Item = Vec<Finding>>) -> Vec<Finding> {
    let troubles: Vec<Finding> = each.flatten().collect();
    if troubles.is_empty() { vec![Finding::ok(check, format!("{} with {well}", counted(all, noun)))] } else { troubles }
}

fn of_failure(check: &'static str, failure: &Error, hint: &str) -> Finding {
    Finding::failed(check, failure.message(), failure.hint().unwrap_or(hint))
}

/// Returns a warning about supported distributions without sources.
#[must_use]
pub fn without_source(names: &[String]) -> Option<Finding> {
    let found = format!("{}: supported but without a source", some_of(names));
    (!names.is_empty())
        .then(|| Finding::warning(SOURCE, found, "sqern source list --sources DIR  # a directory of distribution files"))
}

#[cfg(test)]
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
        let unreadable =
            || Err(Error::unexpected(ErrorKind::Keyring, "a readable OpenPGP keyring", "Permission denied", "/k.gpg"));
        for (signature, keys, expected) in [
            (FILE.to_owned(), Ok(Some(1)), None),
            (FILE.to_owned(), Ok(None), Some(State::Failed)),
            (FILE.to_owned(), unreadable(), Some(State::Failed)),
            (format!("{FILE}signature = \"if-present\""), Ok(None), Some(State::Warning)),
            (format!("{FILE}signature = \"if-present\""), unreadable(), Some(State::Failed)),
            ("signature = \"if-present\"".to_owned(), Ok(None), None),
            ("signature = \"off\"".to_owned(), Ok(None), None),
        ] {
            let def = def(&signature);
            let judged = keyring(&def.sources[0], &keys);
            assert_eq!(judged.map(|finding| finding.state), expected, "{signature} {keys:?}");
        }
        let package = def(&format!("{FILE}keyring-package = \"the-keyring\""));
        let judged = keyrings(&[(&package, vec![(&package.sources[0], Ok(None))])]);
        assert_eq!(
            (judged[0].about.as_deref(), judged[0].found.as_str()),
            (Some("here"), "could not find a keyring (searched /k.gpg)")
        );
        assert!(judged[0].hint.as_ref().unwrap().starts_with("apt-get install the-keyring "));
    }

    #[test]
    fn the_worst_response_of_the_sources_is_reported() {
        let def = def("");
        let good = |warnings: &[&str]| {
            Ok(ProbedSource { url: "https://h".into(), warnings: warnings.iter().map(|&text| text.to_owned()).collect() })
        };
        let bad = || {
            Err(Error::unexpected(ErrorKind::NotFound, "the file (HTTP status 200)", "HTTP status 404 Not Found", "https://h/x"))
        };
        let said = |tops: Vec<(&str, Result<ProbedSource, Error>)>| {
            let tops: Tops = tops.into_iter().map(|(name, top)| (name.to_owned(), top)).collect();
            let judged = sources(&[(&def, tops)]);
            assert_eq!(judged.len(), 1);
            format!("{} {}", judged[0].state.as_str(), judged[0].found)
        };
        assert_eq!(said(vec![("a", good(&[])), ("b", good(&[]))]), "ok 2 sources with valid metadata");
        assert_eq!(said(vec![("a", good(&["old"])), ("b", good(&[]))]), "warning 1 of 2 sources with warnings; a: old");
        assert_eq!(
            said(vec![("a", good(&["old"])), ("b", bad())]),
            "failed 1 of 2 sources failed; b: expected the file (HTTP status 200), found HTTP status 404 Not Found, at https://h/x"
        );
        assert_eq!(said(vec![]), "warning all sources are skipped");
        assert_eq!(without_source(&[]), None);
    }
}
