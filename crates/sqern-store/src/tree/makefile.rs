//! Replaces absolute paths in the Makefile of headers.
//!
//! Debian's Makefile has consisted of `include /usr/src/linux-headers-6.1.0-25-common/Makefile`
//! since 5.x. Earlier ones contain `MAKEARGS := -C /usr/src/linux-headers-4.9.0-19-common O=…`.
//! Since 6.13, kbuild also writes `export KBUILD_OUTPUT = /usr/src/…` (`cmd_makefile` in the
//! Makefile of the kernel). Ubuntu and Enterprise Linux contain the Makefile of the kernel without
//! such a path. That of SUSE includes its sources by `../../../`.

/// Defines the absolute path of the directory of the Makefile. kbuild changes the directory, so a
/// relative path would be wrong.
const DEFINITION: &str = "sqern_headers := $(realpath $(dir $(lastword $(MAKEFILE_LIST))))\n";
const REFERENCE: &str = "$(sqern_headers)";

/// The directories that packages with headers contain.
const PACKAGE_DIRECTORIES: [&str; 3] = ["/usr/src/", "/usr/lib/", "/lib/modules/"];

/// An included file that no package contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingFile {
    /// The absolute path in the Makefile.
    pub(super) path: String,
    /// The line, from 1.
    pub(super) line: usize,
}

/// Returns the Makefile with paths relative to its directory, or `None` if it contains no absolute
/// paths of the tree.
///
/// `relative_path` returns the relative path from the Makefile to a path of the tree (`usr/src/…`),
/// if that exists.
///
/// # Errors
///
/// Returns an error if an included file does not exist.
pub(super) fn adapt(
    text: &str,
    relative_path: impl Fn(&str) -> Option<String>,
) -> Result<Option<String>, MissingFile> {
    let mut adapted = String::from(DEFINITION);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let line = adapt_line(line, &relative_path).map_err(|path| MissingFile {
            path: path.0,
            line: index + 1,
        })?;
        adapted.push_str(&line);
    }
    Ok((adapted[DEFINITION.len()..] != *text).then_some(adapted))
}

/// The absolute path of an included file that does not exist.
struct MissingPath(String);

fn adapt_line(
    line: &str,
    relative_path: &impl Fn(&str) -> Option<String>,
) -> Result<String, MissingPath> {
    // Recipes do not run files of the tree by absolute paths.
    if line.starts_with(['#', '\t']) {
        return Ok(line.to_owned());
    }
    let mut adapted = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find('/') {
        let (before, path) = rest.split_at(start);
        adapted.push_str(before);
        let end = path.find(ends_path).unwrap_or(path.len());
        let (path, after) = path.split_at(end);
        rest = after;
        let is_start = adapted.ends_with(|last: char| last.is_whitespace() || last == '=')
            || adapted.is_empty();
        if !is_start
            || !PACKAGE_DIRECTORIES
                .iter()
                .any(|directory| path.starts_with(directory))
        {
            adapted.push_str(path);
            continue;
        }
        match relative_path(&path[1..]) {
            Some(relative) => adapted.push_str(&[REFERENCE, "/", &relative].concat()),
            None if line.starts_with("include ") => return Err(MissingPath(path.to_owned())),
            None => adapted.push_str(path),
        }
    }
    adapted.push_str(rest);
    Ok(adapted)
}

fn ends_path(character: char) -> bool {
    character.is_whitespace() || matches!(character, ')' | '(' | '"' | '\'' | ';' | ':' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Adapts a Makefile below `usr/src`, where every path below `usr/src` exists.
    fn adapted(text: &str) -> Option<String> {
        let adapted = adapt(text, |path| {
            path.strip_prefix("usr/src/")
                .map(|below| format!("../{below}"))
        })
        .unwrap();
        adapted.map(|adapted| adapted.strip_prefix(DEFINITION).unwrap().to_owned())
    }

    #[test]
    fn include_of_debian_becomes_relative() {
        let adapted = adapted("include /usr/src/linux-headers-6.1.0-25-common/Makefile\n");
        assert_eq!(
            adapted.unwrap(),
            "include $(sqern_headers)/../linux-headers-6.1.0-25-common/Makefile\n"
        );
    }

    #[test]
    fn make_arguments_and_exports_become_relative() {
        let arguments = adapted("MAKEARGS := -C /usr/src/linux-headers-4.9.0-19-common\n");
        assert_eq!(
            arguments.unwrap(),
            "MAKEARGS := -C $(sqern_headers)/../linux-headers-4.9.0-19-common\n"
        );
        let text = "# by /usr/src/x\nexport KBUILD_OUTPUT = /usr/src/a\nO=/usr/src/a b=/usr/src/b\ninclude /usr/src/x/Makefile";
        let expected = "# by /usr/src/x\nexport KBUILD_OUTPUT = $(sqern_headers)/../a\nO=$(sqern_headers)/../a \
                        b=$(sqern_headers)/../b\ninclude $(sqern_headers)/../x/Makefile";
        assert_eq!(adapted(text).unwrap(), expected);
    }

    #[test]
    fn makefiles_without_paths_of_the_tree_do_not_change() {
        for text in [
            "include ../../../linux-6.4.0-150600.21/Makefile\n",
            "CONFIG_SHELL := /bin/sh\nsrctree := $(abs)/usr/src/x\n",
            "# INSTALL /usr/src/linux\n\tinstall /usr/src/x\n",
            "X = /usr/lib/gcc/plugin\n",
            "",
        ] {
            assert_eq!(adapted(text), None, "{text}");
        }
    }

    #[test]
    fn missing_included_file_is_an_error() {
        let error = adapt(
            "# x\ninclude /usr/src/linux-headers-6.1.0-25-common/Makefile\n",
            |_| None,
        )
        .unwrap_err();
        assert_eq!(
            error,
            MissingFile {
                path: "/usr/src/linux-headers-6.1.0-25-common/Makefile".into(),
                line: 2
            }
        );
    }

    proptest! {
        #[test]
        fn adapted_makefile_does_not_change_again(text in "((include|X =|Y:=) /usr/src/[a-c/]{1,6}[ )\n]){0,4}") {
            if let Some(adapted) = adapt(&text, |path| Some(path.to_owned())).unwrap() {
                prop_assert_eq!(adapt(&adapted, |path| Some(path.to_owned())).unwrap(), None);
            }
        }
    }
}
