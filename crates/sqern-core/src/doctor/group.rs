//! Groups of findings with the same cause.

use sqern_model::join_some;

use super::{Finding, State};

/// Joins findings about different objects with the same cause, in the order of the first ones.
/// Findings without a problem are not joined.
#[must_use]
pub fn group_by_cause(findings: &[Finding]) -> Vec<Finding> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        match groups
            .iter_mut()
            .find(|group| has_same_cause(group[0], finding))
        {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups.into_iter().map(|group| join(&group)).collect()
}

fn has_same_cause(a: &Finding, b: &Finding) -> bool {
    a.state != State::Ok
        && (a.check, a.state) == (b.check, b.state)
        && a.about.is_some()
        && b.about.is_some()
        && cause(a) == cause(b)
        && general_hint(a) == general_hint(b)
}

/// Returns the cause, without the object if possible.
fn cause(finding: &Finding) -> &str {
    finding.cause.as_deref().unwrap_or(&finding.found)
}

/// Returns the hint without the object.
fn general_hint(finding: &Finding) -> Vec<&str> {
    let hint = finding.hint.as_deref().unwrap_or_default();
    hint.split_whitespace()
        .filter(|word| Some(*word) != finding.about.as_deref())
        .collect()
}

/// Joins the findings of one group.
fn join(group: &[&Finding]) -> Finding {
    let first = group[0];
    let mut names: Vec<String> = group
        .iter()
        .filter_map(|finding| finding.about.clone())
        .collect();
    names.dedup();
    let is_equal = group.iter().all(|finding| finding.found == first.found);
    let found = if is_equal { &first.found } else { cause(first) };
    Finding {
        about: first.about.is_some().then(|| join_some(&names)),
        found: found.to_owned(),
        ..first.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_with_the_same_cause_are_joined() {
        let of = |name: &str, found: &str| {
            let finding =
                Finding::failed("source", found, format!("sqern source test {name}")).about(name);
            Finding {
                cause: Some("could not connect".into()),
                ..finding
            }
        };
        let other = Finding::failed("source", "not signed", "sqern source test c").about("c");
        let ok = Finding::ok("program", "installed");
        let all = [
            of("a", "1 of 2 failed; x: could not connect"),
            other.clone(),
            of("b", "3 of 3 failed; y: could not connect"),
        ];
        let joined = group_by_cause(&[&all[..], &[ok.clone(), ok.clone()]].concat());
        let first = Finding {
            about: Some("a, b".into()),
            found: "could not connect".into(),
            ..all[0].clone()
        };
        assert_eq!(
            joined,
            [first, other, ok.clone(), ok],
            "findings without a problem are not joined"
        );
        let same = Finding::warning("keyring", "no keyring", "apt-get install k");
        let joined = group_by_cause(&["a", "a", "b"].map(|name| same.clone().about(name)));
        assert_eq!(joined, [same.about("a, b")]);
    }
}
