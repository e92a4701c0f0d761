//! Lists of mirrors as text: a base URL a line, as dnf's `mirrorlist` and Amazon's `mirror.list` have them.

use url::Url;

use crate::crawl::path::base_url;

/// How many mirrors of a list are tried at most: each may cost its time limit.
pub(super) const MIRRORS: usize = 8;

/// The base URLs of a list that came from `from`, in order; other lines (comments, other schemes) are left out.
///
/// What came over `https` is believed as far as the server is: an `http` mirror in it is left out as long as there is another.
/// A `file` mirror counts only in a list that is a file itself.
pub(super) fn parse(text: &str, from: &Url) -> Vec<Url> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    choose(lines.filter_map(|line| base_url(line).ok()), from)
}

/// Of mirrors that a list from `from` names: those that are as safe as the list is.
pub(super) fn choose(mirrors: impl Iterator<Item = Url>, from: &Url) -> Vec<Url> {
    let mut mirrors: Vec<Url> = mirrors.filter(|mirror| mirror.scheme() != "file" || from.scheme() == "file").collect();
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
        parse(text, &from.parse().expect("a URL")).into_iter().map(String::from).collect()
    }

    #[test]
    fn lines_that_are_no_base_url_are_left_out() {
        let text = "# repo = x\n\nhttp://a/1/\r\n  https://b/2\nrsync://c/3\nftp://d\nnot a URL\n";
        assert_eq!(parsed(text, "http://h/mirror.list"), ["http://a/1/", "https://b/2"]);
        assert_eq!(parsed(text, "https://h/mirror.list"), ["https://b/2"], "no step down from https");
        assert_eq!(parsed("http://a/1/", "https://h/mirror.list"), ["http://a/1/"], "but nothing else");
    }

    #[test]
    fn a_list_from_a_server_names_no_file() {
        assert_eq!(parsed("file:///etc", "http://h/x"), Vec::<String>::new());
        assert_eq!(parsed("file:///srv/x", "file:///srv/list"), ["file:///srv/x"]);
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let text: String = (0..100).map(|mirror| format!("http://m{mirror}/\n")).collect();
        assert_eq!(parsed(&text, "http://h/x").len(), MIRRORS);
    }

    proptest! {
        #[test]
        fn no_list_is_less_safe_than_its_server_nor_longer_than_is_tried(
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
