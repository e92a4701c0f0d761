//! Where a symbolic link may lead.

use sqern_model::counted;

use super::Limits;
use super::error::{UnpackError, refused};
use super::name::{EntryPath, is_below, names, shown};

/// What becomes of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// It is made as the package has it.
    AsIs(String),
    /// It is made to lead to the same place another way.
    Instead(String),
    /// It leads out of the tree, to something that no build needs, and is left out.
    LeftOut,
}

/// Where kernel headers and what they need lie. An absolute link into these leads to a package of the same kernel, maybe one
/// that is unpacked after this (`/lib/modules/VERSION/source -> /usr/src/linux-headers-VERSION-common`); one to elsewhere
/// leads to what the host has or has not (`/usr/share/doc/…`, `/etc/alternatives/…`), which nothing here may depend on.
const HEADER_PLACES: [&str; 3] = ["usr/src", "usr/lib", "lib"];

/// Where the link at `path` is to lead.
///
/// A relative target stays where each `..` stands in front: as the link lies in a real folder at a known depth, so many steps
/// up are just that, and from there on it only goes down, maybe through other links of the tree, each of which keeps to the
/// same rule. A `..` behind a name would go up from wherever a link of that name leads: those are worked out by the text of the
/// path, and written without.
pub(super) fn target(path: &EntryPath, raw: &[u8], limits: &Limits) -> Result<Target, UnpackError> {
    let place = || format!("{} -> {}", path.as_str(), shown(raw));
    if raw.len() > limits.link_bytes {
        let got = counted(raw.len(), "byte");
        return Err(refused(format!("a link target of at most {} bytes", limits.link_bytes), got, place()));
    }
    let Ok(text) = std::str::from_utf8(raw) else {
        return Err(refused("a link target in UTF-8", "other bytes", place()));
    };
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(refused("a link target without control characters", format!("{:?}", shown(raw)), place()));
    }
    let (folder, _) = path.split();
    let mut reached: Vec<&str> = if text.starts_with('/') { Vec::new() } else { names(folder).collect() };
    let (mut went_down, mut in_front) = (false, true);
    for name in names(text) {
        if name != ".." {
            went_down = true;
            reached.push(name);
            continue;
        }
        in_front &= !went_down;
        if reached.pop().is_none() {
            return Err(refused("a link within the package", "a link out of the package", place()));
        }
    }
    let reached = reached.join("/");
    if !text.starts_with('/') {
        return Ok(if in_front { Target::AsIs(text.to_owned()) } else { Target::Instead(relative(folder, &reached)) });
    }
    if HEADER_PLACES.iter().any(|known| is_below(&reached, known)) {
        return Ok(Target::Instead(relative(folder, &reached)));
    }
    Ok(Target::LeftOut)
}

/// The way from a folder to a path, both below the same root: up as far as they differ, then down.
pub(crate) fn relative(folder: &str, to: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (names(folder).collect(), names(to).collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let way: Vec<&str> = from[shared..].iter().map(|_| "..").chain(to[shared..].iter().copied()).collect();
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(path: &str, link: &str) -> Result<Target, String> {
        let path = EntryPath::new(path.as_bytes(), &Limits::default()).unwrap();
        target(&path, link.as_bytes(), &Limits::default()).map_err(|error| error.failure().got.clone())
    }

    fn instead(text: &str) -> Target {
        Target::Instead(text.to_owned())
    }

    #[test]
    fn a_relative_link_within_the_package_stays_as_it_is() {
        for (path, link) in [
            ("usr/src/linux-headers-6.1.0-25-amd64/scripts", "../../lib/linux-kbuild-6.1/scripts"),
            ("usr/src/linux-headers-6.8.0-40-generic/Kbuild", "../linux-headers-6.8.0-40/Kbuild"),
            ("a", "b/c"),
            ("a", "."),
            ("a/b", "./../c"),
        ] {
            assert_eq!(at(path, link), Ok(Target::AsIs(link.to_owned())), "{path}");
        }
    }

    #[test]
    fn an_absolute_link_to_headers_becomes_relative() {
        let link = at("lib/modules/6.1.0-25-amd64/build", "/usr/src/linux-headers-6.1.0-25-amd64");
        assert_eq!(link, Ok(instead("../../../usr/src/linux-headers-6.1.0-25-amd64")));
        assert_eq!(at("usr/lib/modules/6.4.0/source", "/usr/src/linux-6.4.0/"), Ok(instead("../../../src/linux-6.4.0")));
        assert_eq!(at("usr/src/kernels/a/build", "/usr/src/kernels/a"), Ok(instead(".")));
    }

    #[test]
    fn an_absolute_link_to_elsewhere_is_left_out() {
        for link in ["/usr/share/doc/linux", "/etc/passwd", "/", "/usr/srcx", "/usr"] {
            assert_eq!(at("usr/src/a", link), Ok(Target::LeftOut), "{link}");
        }
    }

    #[test]
    fn a_link_out_of_the_package_is_refused() {
        for (path, link) in [
            ("a", ".."),
            ("a", "../etc/passwd"),
            ("a/b", "../../x"),
            ("a/b", "c/../../.."),
            ("usr/src/a", "/usr/src/../../../etc"),
            ("a", "/.."),
        ] {
            assert_eq!(at(path, link).unwrap_err(), "a link out of the package", "{path} -> {link}");
        }
    }

    #[test]
    fn a_way_up_behind_a_name_is_worked_out() {
        // `p/q/l -> ../..` is the root: `l/../x` would be outside of it.
        assert_eq!(at("p/q/m", "l/../x"), Ok(instead("x")));
        assert_eq!(at("a/b/c", "../d/../../e"), Ok(instead("../../e")));
        assert_eq!(at("a/b/c", "/usr/src/../lib/x"), Ok(instead("../../usr/lib/x")));
    }

    proptest! {
        #[test]
        fn no_link_that_is_made_goes_above_the_root(path in "[ab](/[ab]){0,3}", link in "/?(usr/lib/)?[ab./]{1,12}") {
            let (made, depth) = match at(&path, &link) {
                Ok(Target::AsIs(made) | Target::Instead(made)) => (made, path.matches('/').count()),
                _ => return Ok(()),
            };
            prop_assert!(!made.starts_with('/'));
            let up = names(&made).take_while(|name| *name == "..").count();
            prop_assert!(up <= depth, "{path} -> {made}");
            prop_assert!(names(&made).skip(up).all(|name| name != ".."), "{path} -> {made}");
        }
    }
}
