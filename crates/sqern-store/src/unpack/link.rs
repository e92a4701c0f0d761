//! The targets of symbolic links.

use sqern_model::counted;

use super::Limits;
use super::error::invalid;
use super::path::{EntryPath, escape, is_below, names};
use crate::Error;

/// The target of a link in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// The target in the package.
    Unchanged(String),
    /// Another path to the same file.
    Changed(String),
    /// The link leads out of the tree to a file that no build requires, and is omitted.
    Omitted,
}

/// The locations of kernel headers and their dependencies.
///
/// An absolute link to one of them leads to a package of the same kernel, which might be unpacked
/// later (`/lib/modules/VERSION/source -> /usr/src/linux-headers-VERSION-common`). Other absolute
/// links lead to files of the host (`/usr/share/doc/…`, `/etc/alternatives/…`), on which a tree
/// must not depend.
const HEADER_DIRECTORIES: [&str; 3] = ["usr/src", "usr/lib", "lib"];

/// Returns the target of the link at `path`.
///
/// A relative target is unchanged if each `..` is at its start. The link is in a directory of known
/// depth, so these lead to a known directory. The rest leads downwards, possibly through other
/// links of the tree, to which the same rule applies. A `..` after a name would depend on the
/// target of a link with this name. Such targets are replaced by paths that are resolved textually.
///
/// # Errors
///
/// Returns an error if the target leads above the root or is not valid text.
pub(super) fn target(path: &EntryPath, raw: &[u8], limits: &Limits) -> Result<Target, Error> {
    let location = || format!("{} -> {}", path.as_str(), escape(raw));
    if raw.len() > limits.link_bytes {
        let found = counted(raw.len(), "byte");
        return Err(invalid(
            format!("a link target of at most {} bytes", limits.link_bytes),
            found,
            location(),
        ));
    }
    let Ok(text) = std::str::from_utf8(raw) else {
        return Err(invalid("a link target in UTF-8", "other bytes", location()));
    };
    if text.is_empty() {
        return Err(invalid("a link target", "an empty text", location()));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(
            "a link target without control characters",
            format!("{:?}", escape(raw)),
            location(),
        ));
    }
    let (directory, _) = path.split();
    let mut resolved: Vec<&str> = if text.starts_with('/') {
        Vec::new()
    } else {
        names(directory).collect()
    };
    let (mut has_name, mut starts_with_parents) = (false, true);
    for name in names(text) {
        if name != ".." {
            has_name = true;
            resolved.push(name);
            continue;
        }
        starts_with_parents &= !has_name;
        if resolved.pop().is_none() {
            return Err(invalid(
                "a link within the package",
                "a link out of the package",
                location(),
            ));
        }
    }
    let resolved = resolved.join("/");
    if !text.starts_with('/') && starts_with_parents {
        return Ok(Target::Unchanged(text.to_owned()));
    }
    if !text.starts_with('/')
        || HEADER_DIRECTORIES
            .iter()
            .any(|known| is_below(&resolved, known))
    {
        return Ok(Target::Changed(relative(directory, &resolved)));
    }
    Ok(Target::Omitted)
}

/// Returns the relative path from a directory to a path below the same root.
pub(crate) fn relative(directory: &str, to: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (names(directory).collect(), names(to).collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let path: Vec<&str> = from[shared..]
        .iter()
        .map(|_| "..")
        .chain(to[shared..].iter().copied())
        .collect();
    if path.is_empty() {
        ".".to_owned()
    } else {
        path.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sqern_model::diagnostic::Problem;

    fn at(path: &str, link: &str) -> Result<Target, Error> {
        let path = EntryPath::new(path.as_bytes(), &Limits::default()).unwrap();
        target(&path, link.as_bytes(), &Limits::default())
    }

    fn found(path: &str, link: &str) -> String {
        match at(path, link).unwrap_err().description().problem.clone() {
            Problem::Unexpected { found, .. } => found,
            other @ Problem::Failed { .. } => panic!("{other:?}"),
        }
    }

    fn changed(text: &str) -> Target {
        Target::Changed(text.to_owned())
    }

    #[test]
    fn relative_links_within_the_package_do_not_change() {
        for (path, link) in [
            (
                "usr/src/linux-headers-6.1.0-25-amd64/scripts",
                "../../lib/linux-kbuild-6.1/scripts",
            ),
            (
                "usr/src/linux-headers-6.8.0-40-generic/Kbuild",
                "../linux-headers-6.8.0-40/Kbuild",
            ),
            ("a", "b/c"),
            ("a", "."),
            ("a/b", "./../c"),
        ] {
            assert_eq!(
                at(path, link),
                Ok(Target::Unchanged(link.to_owned())),
                "{path}"
            );
        }
    }

    #[test]
    fn absolute_links_to_headers_become_relative() {
        let target = at(
            "lib/modules/6.1.0-25-amd64/build",
            "/usr/src/linux-headers-6.1.0-25-amd64",
        );
        assert_eq!(
            target,
            Ok(changed("../../../usr/src/linux-headers-6.1.0-25-amd64"))
        );
        assert_eq!(
            at("usr/lib/modules/6.4.0/source", "/usr/src/linux-6.4.0/"),
            Ok(changed("../../../src/linux-6.4.0"))
        );
        assert_eq!(
            at("usr/src/kernels/a/build", "/usr/src/kernels/a"),
            Ok(changed("."))
        );
    }

    #[test]
    fn other_absolute_links_are_omitted() {
        for link in [
            "/usr/share/doc/linux",
            "/etc/passwd",
            "/",
            "/usr/srcx",
            "/usr",
        ] {
            assert_eq!(at("usr/src/a", link), Ok(Target::Omitted), "{link}");
        }
    }

    #[test]
    fn links_out_of_the_package_are_errors() {
        for (path, link) in [
            ("a", ".."),
            ("a", "../etc/passwd"),
            ("a/b", "../../x"),
            ("a/b", "c/../../.."),
            ("usr/src/a", "/usr/src/../../../etc"),
            ("a", "/.."),
        ] {
            assert_eq!(
                found(path, link),
                "a link out of the package",
                "{path} -> {link}"
            );
        }
    }

    #[test]
    fn parent_directories_after_a_name_are_resolved() {
        // `p/q/l -> ../..` is the root, so `l/../x` would be outside the root.
        assert_eq!(at("p/q/m", "l/../x"), Ok(changed("x")));
        assert_eq!(at("a/b/c", "../d/../../e"), Ok(changed("../../e")));
        assert_eq!(
            at("a/b/c", "/usr/src/../lib/x"),
            Ok(changed("../../usr/lib/x"))
        );
    }

    proptest! {
        #[test]
        fn created_links_never_leave_the_root(path in "[ab](/[ab]){0,3}", link in "/?(usr/lib/)?[ab./]{1,12}") {
            let (target, depth) = match at(&path, &link) {
                Ok(Target::Unchanged(target) | Target::Changed(target)) => (target, path.matches('/').count()),
                _ => return Ok(()),
            };
            prop_assert!(!target.starts_with('/'));
            let up = names(&target).take_while(|name| *name == "..").count();
            prop_assert!(up <= depth, "{path} -> {target}");
            prop_assert!(names(&target).skip(up).all(|name| name != ".."), "{path} -> {target}");
        }
    }
}
