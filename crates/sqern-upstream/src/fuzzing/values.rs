//! The values of `sqern-model` that come from users, files and servers, tried over any bytes.

use sqern_model::{At, Glob, KernelVersion, LikePattern, Source, VersionRule};

use super::{is_order, three};

/// A moment: what was read and is shown reads the same.
pub(super) fn at(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let Ok(at) = text.parse::<At>() else { return false };
    assert_eq!(at.to_string().parse(), Ok(at), "{text:?}");
    true
}

/// Kernel versions: shown, they are what they were, and each rule is an order of all of them.
pub(super) fn kernel(data: &[u8]) -> bool {
    let Some(texts) = three(data) else { return false };
    let Ok(versions) = <[Option<KernelVersion>; 3]>::try_from(texts.map(|text| KernelVersion::new(text).ok()).to_vec()) else {
        return false;
    };
    let [Some(a), Some(b), Some(c)] = versions else { return false };
    for version in [&a, &b, &c] {
        assert_eq!(version.to_string().parse().as_ref(), Ok(version));
    }
    for rule in [VersionRule::Dpkg, VersionRule::Rpm] {
        is_order(&[&a, &b, &c], |left, right| rule.cmp(left, right));
        assert_eq!(rule.cmp(&a, &b).is_eq(), a == b, "{a} {b}: one place for two versions");
    }
    true
}

/// A glob, and a version in the second line: the LIKE pattern matches the version where the glob does, and is shown as a glob
/// that means the same.
pub(super) fn pattern(data: &[u8]) -> bool {
    let Some([glob, version, _]) = three(data) else { return false };
    let Ok(like) = Glob::new(glob).to_like() else { return false };
    let version: Vec<char> = version.chars().collect();
    // Both matchers try every way there is.
    if glob.matches('*').count() > 6 || version.len() > 60 {
        return false;
    }
    let glob: Vec<char> = glob.chars().collect();
    let pattern: Vec<char> = like.as_str().chars().collect();
    assert_eq!(matches(&pattern, &version, '%', '_'), matches(&glob, &version, '*', '?'), "{like}");
    let shown = like.to_glob();
    assert_eq!(shown.to_like().as_ref(), Ok(&like), "{shown}");
    assert_eq!(LikePattern::from_database(like.as_str()).to_glob(), shown);
    true
}

/// Whether a pattern matches a whole text, with `\` before what is plain.
fn matches(pattern: &[char], text: &[char], many: char, one: char) -> bool {
    match pattern {
        [] => text.is_empty(),
        [first, rest @ ..] if *first == many => (0..=text.len()).any(|passed| matches(rest, &text[passed..], many, one)),
        [first, rest @ ..] if *first == one => !text.is_empty() && matches(rest, &text[1..], many, one),
        ['\\', plain, rest @ ..] | [plain, rest @ ..] => text.first() == Some(plain) && matches(rest, &text[1..], many, one),
    }
}

/// The file of a distribution: each of its sources has a name of its own, nothing is left to be filled in, and each is the same
/// when it is written and read again.
pub(super) fn source_file(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let distro = match crate::sources::parse("x.toml", text) {
        Ok(distro) => distro,
        Err(error) => {
            assert!(error.to_string().starts_with("x.toml"), "{error}");
            return false;
        }
    };
    assert_eq!(distro.name.as_str(), "x");
    for (place, source) in distro.sources.iter().enumerate() {
        assert!(distro.sources[..place].iter().all(|other| other.name() != source.name()), "two sources {:?}", source.name());
        assert!(!source.architectures().is_empty());
        assert!(filled_in(source).iter().all(|text| !text.contains(['{', '}'])), "{source:?}");
        let written = toml::to_string(source).expect("a source is written as it is read");
        let again: Source = toml::from_str(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
        assert_eq!(format!("{again:?}"), format!("{source:?}"), "written again");
    }
    true
}

/// The texts that placeholders may stand in.
fn filled_in(source: &Source) -> Vec<&String> {
    match source {
        Source::Apt(apt) => [&apt.name, &apt.suite].into_iter().chain(&apt.base).collect(),
        Source::RpmMd(rpm) => [&rpm.name].into_iter().chain(&rpm.base).chain(&rpm.mirrorlist).chain(&rpm.metalink).collect(),
    }
}
