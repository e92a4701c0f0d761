//! Fuzz targets of the values of `sqern-model`.

use sqern_model::{At, Glob, KernelVersion, LikePattern, Source, VersionRule};

use super::{is_order, three};

/// Parses an `--at` argument. Its text parses to the same value.
pub(super) fn at(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let Ok(at) = text.parse::<At>() else {
        return false;
    };
    assert_eq!(at.to_string().parse(), Ok(at), "{text:?}");
    true
}

/// Parses kernel versions. Their texts parse to the same values, and each rule is a total order.
pub(super) fn kernel(data: &[u8]) -> bool {
    let Some(texts) = three(data) else {
        return false;
    };
    let Ok(versions) = <[Option<KernelVersion>; 3]>::try_from(
        texts.map(|text| KernelVersion::new(text).ok()).to_vec(),
    ) else {
        return false;
    };
    let [Some(a), Some(b), Some(c)] = versions else {
        return false;
    };
    for version in [&a, &b, &c] {
        assert_eq!(version.to_string().parse().as_ref(), Ok(version));
    }
    for rule in [VersionRule::Dpkg, VersionRule::Rpm] {
        is_order(&[&a, &b, &c], |left, right| rule.cmp(left, right));
        assert_eq!(
            rule.cmp(&a, &b).is_eq(),
            a == b,
            "{a} {b}: different versions are equal"
        );
    }
    true
}

/// Parses a glob, and a version in the second line. The LIKE pattern of the glob matches the same
/// versions, and converts to an equivalent glob.
pub(super) fn pattern(data: &[u8]) -> bool {
    let Some([glob, version, _]) = three(data) else {
        return false;
    };
    let Ok(like) = Glob::new(glob).to_like() else {
        return false;
    };
    let version: Vec<char> = version.chars().collect();
    // Both matchers backtrack, so that long inputs take exponential time.
    if glob.matches('*').count() > 6 || version.len() > 60 {
        return false;
    }
    let glob: Vec<char> = glob.chars().collect();
    let pattern: Vec<char> = like.as_str().chars().collect();
    assert_eq!(
        matches(&pattern, &version, '%', '_'),
        matches(&glob, &version, '*', '?'),
        "{like}"
    );
    let shown = like.to_glob();
    assert_eq!(shown.to_like().as_ref(), Ok(&like), "{shown}");
    assert_eq!(LikePattern::from_database(like.as_str()).to_glob(), shown);
    true
}

/// Returns whether a pattern matches a whole text. `\` escapes a character.
fn matches(pattern: &[char], text: &[char], any_text: char, any_character: char) -> bool {
    match pattern {
        [] => text.is_empty(),
        [first, rest @ ..] if *first == any_text => {
            (0..=text.len()).any(|passed| matches(rest, &text[passed..], any_text, any_character))
        }
        [first, rest @ ..] if *first == any_character => {
            !text.is_empty() && matches(rest, &text[1..], any_text, any_character)
        }
        ['\\', plain, rest @ ..] | [plain, rest @ ..] => {
            text.first() == Some(plain) && matches(rest, &text[1..], any_text, any_character)
        }
    }
}

/// Parses the file of a distribution. Names of sources are unique, no placeholders remain, and a
/// source that is written again parses to the same value.
pub(super) fn source_file(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let distro = match crate::sources::parse("x.toml", text) {
        Ok(distro) => distro,
        Err(error) => {
            assert!(error.to_string().starts_with("x.toml"), "{error}");
            return false;
        }
    };
    assert_eq!(distro.name.as_str(), "x");
    for (index, source) in distro.sources.iter().enumerate() {
        assert!(
            distro.sources[..index]
                .iter()
                .all(|other| other.name() != source.name()),
            "two sources {:?}",
            source.name()
        );
        assert!(!source.architectures().is_empty());
        assert!(
            filled_in(source)
                .iter()
                .all(|text| !text.contains(['{', '}'])),
            "{source:?}"
        );
        let written = toml::to_string(source).expect("sources can be serialized");
        let again: Source =
            toml::from_str(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
        assert_eq!(format!("{again:?}"), format!("{source:?}"), "written again");
    }
    true
}

/// Returns the texts that may contain placeholders.
fn filled_in(source: &Source) -> Vec<&String> {
    match source {
        Source::Apt(apt) => [&apt.name, &apt.suite]
            .into_iter()
            .chain(&apt.base)
            .collect(),
        Source::RpmMd(rpm) => [&rpm.name]
            .into_iter()
            .chain(&rpm.base)
            .chain(&rpm.mirrorlist)
            .chain(&rpm.metalink)
            .collect(),
    }
}
