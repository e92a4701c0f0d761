//! Parses mirror lists with one base URL per line, such as `mirrorlist` of dnf and `mirror.list` of
//! Amazon.

use std::borrow::Cow;

use url::Url;

use crate::crawl::path::base_url;

/// The maximum number of mirrors that are tried, because each attempt may take until its time
/// limit.
pub(super) const MIRRORS: usize = 8;

/// Returns the base URLs of the list at `from` in order. Other lines (comments, other schemes) are
/// ignored. The variables `$basearch` and `$arch` (dnf.conf(5)) are replaced by `architecture`; lines
/// with other variables, or with any if `architecture` is `None`, are ignored.
///
/// A list from an `https` server is as trusted as the server, so its `http` mirrors are only used
/// if there are no others. `file` mirrors are only used if the list is a file.
pub(super) fn parse(text: &str, from: &Url, architecture: Option<&str>) -> Vec<Url> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| expand(line, architecture))
        .filter(|line| !line.contains('$'));
    choose(lines.filter_map(|line| base_url(&line).ok()), from)
}

/// Replaces the variables of an architecture.
fn expand<'a>(line: &'a str, architecture: Option<&str>) -> Cow<'a, str> {
    let Some(architecture) = architecture.filter(|_| line.contains('$')) else {
        return line.into();
    };
    let mut expanded = line.to_owned();
    for variable in ["basearch", "arch"] {
        for form in [format!("${{{variable}}}"), format!("${variable}")] {
            expanded = expanded.replace(&form, architecture);
        }
    }
    expanded.into()
}

/// Returns the mirrors that are as secure as the list at `from`.
pub(super) fn choose(mirrors: impl Iterator<Item = Url>, from: &Url) -> Vec<Url> {
    let mut mirrors: Vec<Url> = mirrors
        .filter(|mirror| mirror.scheme() != "file" || from.scheme() == "file")
        .collect();
    let secure = |mirror: &Url| mirror.scheme() != "http";
    if from.scheme() == "https" && mirrors.iter().any(secure) {
        mirrors.retain(secure);
    }
    mirrors.truncate(MIRRORS);
    mirrors
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str, from: &str) -> Vec<String> {
        parse(text, &from.parse().expect("a URL"), Some("x86_64"))
            .into_iter()
            .map(String::from)
            .collect()
    }

    #[test]
    fn other_lines_than_base_urls_are_ignored() {
        let text = "# repo = x\n\nhttp://a/1/\r\n  https://b/2\nrsync://c/3\nftp://d\nnot a URL\n";
        assert_eq!(
            parsed(text, "http://h/mirror.list"),
            ["http://a/1/", "https://b/2"]
        );
        assert_eq!(
            parsed(text, "https://h/mirror.list"),
            ["https://b/2"],
            "no step down from https"
        );
        assert_eq!(
            parsed("http://a/1/", "https://h/mirror.list"),
            ["http://a/1/"],
            "but nothing else"
        );
    }

    #[test]
    fn variables_of_the_architecture_are_replaced() {
        let text = "http://a/$basearch/os\nhttp://b/${arch}\nhttp://c/$releasever\n";
        assert_eq!(
            parsed(text, "http://h/x"),
            ["http://a/x86_64/os", "http://b/x86_64"]
        );
        let from = "http://h/x".parse().expect("a URL");
        assert_eq!(parse(text, &from, None), []);
    }

    #[test]
    fn server_lists_contain_no_file_urls() {
        assert_eq!(parsed("file:///etc", "http://h/x"), Vec::<String>::new());
        assert_eq!(
            parsed("file:///srv/x", "file:///srv/list"),
            ["file:///srv/x"]
        );
    }

    #[test]
    fn number_of_mirrors_is_limited() {
        let text: String = (0..100)
            .map(|mirror| format!("http://m{mirror}/\n"))
            .collect();
        assert_eq!(parsed(&text, "http://h/x").len(), MIRRORS);
    }

    proptest! {
        #[test]
        fn mirrors_are_as_secure_as_their_list(
            lines in prop::collection::vec("(https?|file|ftp|javascript)://?[a-c]?(/[a-c.%]{0,3}){0,2}|[ -~]{0,9}", 0..20),
            from in prop::sample::select(&["https://h/x", "http://h/x", "file:///x"][..]),
        ) {
            let mirrors = parsed(&lines.join("\n"), from);
            let has = |scheme: &str| mirrors.iter().any(|mirror| mirror.starts_with(scheme));
            prop_assert!(mirrors.len() <= MIRRORS);
            prop_assert!(!has("file:") || from.starts_with("file:"), "{:?}", mirrors);
            prop_assert!(!has("http:") || !has("https:") || !from.starts_with("https:"), "{:?}", mirrors);
            prop_assert!(mirrors.iter().all(|mirror| ["http:", "https:", "file:"].iter().any(|scheme| mirror.starts_with(scheme))));
        }
    }
}
