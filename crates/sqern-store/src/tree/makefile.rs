//! The Makefile of a kernel's flavour, which leads to the common tree by an absolute path.
//!
//! Debian's is one line since 5.x: `include /usr/src/linux-headers-6.1.0-25-common/Makefile`; before, it held
//! `MAKEARGS := -C /usr/src/linux-headers-4.9.0-19-common O=…`. Since 6.13 kbuild also writes `export KBUILD_OUTPUT = /usr/src/…`
//! (the kernel's Makefile, `cmd_makefile`). Ubuntu and the EL family ship the kernel's own Makefile, which has no such path, and SUSE's
//! leads to its sources by `../../../`.

use crate::Failure;

/// The variable that holds the absolute path of the Makefile's folder, wherever that lies: kbuild enters other folders, where a
/// relative path would lead elsewhere.
const HERE: &str = "sqern_headers := $(realpath $(dir $(lastword $(MAKEFILE_LIST))))\n";
const HERE_USED: &str = "$(sqern_headers)";

/// What a path in a Makefile may lead to: all that packages of headers bring.
const PLACES: [&str; 3] = ["/usr/src/", "/usr/lib/", "/lib/modules/"];

/// The Makefile with each absolute path into the tree's own files as a path from its folder; nothing where it has none.
///
/// `way` tells how to get from the Makefile's folder to a path of the tree (`usr/src/…`), if that is there.
pub(super) fn fit(text: &str, way: impl Fn(&str) -> Option<String>) -> Result<Option<String>, Failure> {
    let mut fitted = String::from(HERE);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        match fit_line(line, &way) {
            Ok(line) => fitted.push_str(&line),
            Err(missing) => {
                let expected = format!("{missing} in the packages");
                let hint = "Unpack the package that contains the file. The header package depends on it.";
                return Err(Failure::new(expected, "none", format!("line {}", number + 1)).hint(hint));
            }
        }
    }
    Ok((fitted.len() > HERE.len() && fitted[HERE.len()..] != *text).then_some(fitted))
}

/// One line of it, or the path that it needs and that is not there.
fn fit_line(line: &str, way: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
    // A recipe runs nothing of the tree by its path, and a comment nothing at all.
    if line.starts_with(['#', '\t']) {
        return Ok(line.to_owned());
    }
    let mut fitted = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('/') {
        let (before, path) = rest.split_at(at);
        fitted.push_str(before);
        let end = path.find(ends_path).unwrap_or(path.len());
        let (path, after) = path.split_at(end);
        rest = after;
        let starts = fitted.ends_with(|last: char| last.is_whitespace() || last == '=') || fitted.is_empty();
        if !starts || !PLACES.iter().any(|place| path.starts_with(place)) {
            fitted.push_str(path);
            continue;
        }
        match way(&path[1..]) {
            Some(way) => fitted.push_str(&[HERE_USED, "/", &way].concat()),
            None if line.starts_with("include ") => return Err(path.to_owned()),
            None => fitted.push_str(path),
        }
    }
    fitted.push_str(rest);
    Ok(fitted)
}

fn ends_path(character: char) -> bool {
    character.is_whitespace() || matches!(character, ')' | '(' | '"' | '\'' | ';' | ':' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tree that has everything below `usr/src`, seen from a folder there.
    fn fitted(text: &str) -> Option<String> {
        let fitted = fit(text, |path| path.strip_prefix("usr/src/").map(|below| format!("../{below}"))).unwrap();
        fitted.map(|fitted| fitted.strip_prefix(HERE).unwrap().to_owned())
    }

    #[test]
    fn debians_include_leads_to_the_common_tree_where_it_lies() {
        let fitted = fitted("include /usr/src/linux-headers-6.1.0-25-common/Makefile\n");
        assert_eq!(fitted.unwrap(), "include $(sqern_headers)/../linux-headers-6.1.0-25-common/Makefile\n");
    }

    #[test]
    fn older_arguments_and_newer_exports_are_fitted_alike() {
        let fitted_line = fitted("MAKEARGS := -C /usr/src/linux-headers-4.9.0-19-common\n");
        assert_eq!(fitted_line.unwrap(), "MAKEARGS := -C $(sqern_headers)/../linux-headers-4.9.0-19-common\n");
        let text = "# by /usr/src/x\nexport KBUILD_OUTPUT = /usr/src/a\nO=/usr/src/a b=/usr/src/b\ninclude /usr/src/x/Makefile";
        let here = "# by /usr/src/x\nexport KBUILD_OUTPUT = $(sqern_headers)/../a\nO=$(sqern_headers)/../a b=$(sqern_headers)/../b\ninclude \
                    $(sqern_headers)/../x/Makefile";
        assert_eq!(fitted(text).unwrap(), here);
    }

    #[test]
    fn a_makefile_without_such_a_path_stays() {
        for text in [
            "include ../../../linux-6.4.0-150600.21/Makefile\n",
            "CONFIG_SHELL := /bin/sh\nsrctree := $(abs)/usr/src/x\n",
            "# INSTALL /usr/src/linux\n\tinstall /usr/src/x\n",
            "X = /usr/lib/gcc/plugin\n",
            "",
        ] {
            assert_eq!(fitted(text), None, "{text}");
        }
    }

    #[test]
    fn an_include_of_what_no_package_brought_is_told() {
        let failure = fit("# x\ninclude /usr/src/linux-headers-6.1.0-25-common/Makefile\n", |_| None).unwrap_err();
        assert_eq!(failure.expected, "/usr/src/linux-headers-6.1.0-25-common/Makefile in the packages");
        assert_eq!(failure.place, "line 2");
    }

    proptest! {
        #[test]
        fn what_was_fitted_needs_nothing_more(text in "((include|X =|Y:=) /usr/src/[a-c/]{1,6}[ )\n]){0,4}") {
            if let Some(fitted) = fit(&text, |path| Some(path.to_owned())).unwrap() {
                prop_assert_eq!(fit(&fitted, |path| Some(path.to_owned())).unwrap(), None);
            }
        }
    }
}
