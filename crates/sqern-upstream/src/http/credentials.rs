//! User names and passwords for HTTP basic authentication (RFC 7617), and the URLs that receive
//! them.

use std::fmt;

use url::{Origin, Url};

/// A user name and a password, which are not displayed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// The content of a file with credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialsFile {
    /// `USER:PASSWORD` in the first line.
    Single(Login),
    /// The netrc-like format of `apt_auth.conf(5)`.
    Machines(Vec<Machine>),
}

/// A `machine` with its login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    /// `[SCHEME://]HOST[:PORT][/PATH]`
    name: String,
    /// `None` if the entry has neither a user name nor a password.
    login: Option<Login>,
}

impl CredentialsFile {
    /// Parses the text of a file. The error contains the expected text, but nothing of the file.
    ///
    /// A text whose first token outside comments is `machine` is in the format of
    /// `apt_auth.conf(5)`. Its tokens may be on any number of lines, and unknown ones are ignored.
    /// A line whose first token starts with `#` is a comment, unless a value is expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut machines = Vec::new();
        let mut tokens = Tokens::new(text);
        if tokens.next(false) != Some("machine") {
            return single_login(text)
                .map(Self::Single)
                .ok_or("USER:PASSWORD in the first line, or entries of apt_auth.conf(5)");
        }
        let mut machine = tokens.next(true);
        while let Some(name) = machine.take() {
            let (mut user, mut password) = (None, None);
            while let Some(token) = tokens.next(false) {
                let value = match token {
                    "login" => &mut user,
                    "password" => &mut password,
                    "machine" => {
                        machine = Some(tokens.next(true).ok_or("a host after the last `machine`")?);
                        break;
                    }
                    _ => continue,
                };
                *value = Some(
                    tokens
                        .next(true)
                        .ok_or("a value after the last `login` or `password`")?
                        .to_owned(),
                );
            }
            let found = user.is_some() || password.is_some();
            let login = found.then(|| Login {
                user: user.unwrap_or_default(),
                password: password.unwrap_or_default(),
            });
            machines.push(Machine {
                name: name.to_owned(),
                login,
            });
        }
        if machines.is_empty() {
            Err("a host after `machine`")
        } else {
            Ok(Self::Machines(machines))
        }
    }

    /// Returns the login of the first matching entry.
    pub(crate) fn login(&self, url: &Url) -> Option<&Login> {
        match self {
            Self::Single(login) => Some(login),
            Self::Machines(machines) => machines
                .iter()
                .find(|machine| machine.matches(url))?
                .login
                .as_ref(),
        }
    }
}

fn single_login(text: &str) -> Option<Login> {
    let (user, password) = text
        .lines()
        .next()?
        .split_once(':')
        .filter(|(user, _)| !user.is_empty())?;
    Some(Login {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// The tokens of a text without its comments.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        // Editors may write a byte order mark, which is not part of the first token.
        Self {
            rest: text.trim_start_matches('\u{feff}'),
        }
    }

    /// Returns the next token. A value may start with `#`; otherwise `#` starts a comment.
    fn next(&mut self, value: bool) -> Option<&'a str> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if self.rest.is_empty() {
                return None;
            }
            let comment = !value && self.rest.starts_with('#');
            let ends = |c: char| {
                if comment {
                    c == '\n'
                } else {
                    c.is_ascii_whitespace()
                }
            };
            let (token, rest) = self
                .rest
                .split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
            self.rest = rest;
            if !comment {
                return Some(token);
            }
        }
    }
}

impl Machine {
    /// Returns whether the entry applies to a URL. Without a scheme, it only applies to https.
    ///
    /// A path matches complete components: `host/a` applies to `/a/b`, but not to `/ab`. apt
    /// compares prefixes and would send the password. A port is compared with that of the
    /// connection, even if the URL contains none.
    fn matches(&self, url: &Url) -> bool {
        let (scheme, location) = self.name.split_once("://").unwrap_or(("https", &self.name));
        let (authority, path) = location.split_at(location.find('/').unwrap_or(location.len()));
        // IPv6 addresses contain colons, and are in brackets.
        let (host, port) = match authority
            .rsplit_once(':')
            .filter(|(_, port)| !port.ends_with(']'))
        {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let path = path.trim_end_matches('/');
        url.scheme().eq_ignore_ascii_case(scheme)
            && url
                .host_str()
                .is_some_and(|found| found.eq_ignore_ascii_case(host))
            && port.is_none_or(|port| {
                port.parse() == Ok(url.port_or_known_default().unwrap_or_default())
            })
            && url
                .path()
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Credentials, and the hosts that may receive them: those of the base URLs of a source, but not
/// those of mirror lists and redirects.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    file: CredentialsFile,
    /// Scheme, host and port, so that a password for https is never sent by http.
    origins: Vec<Origin>,
}

impl Credentials {
    /// Returns the credentials of a file for the hosts of these base URLs.
    pub(crate) fn new(file: CredentialsFile, bases: &[Url]) -> Self {
        Self {
            file,
            origins: bases.iter().map(Url::origin).collect(),
        }
    }

    /// Returns the login for a URL.
    pub(crate) fn login(&self, url: &Url) -> Option<&Login> {
        self.origins
            .contains(&url.origin())
            .then(|| self.file.login(url))?
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login(file: &str, url: &str) -> Option<(String, String)> {
        let file = CredentialsFile::parse(file).expect("a file");
        file.login(&Url::parse(url).expect("a URL"))
            .map(|login| (login.user.clone(), login.password.clone()))
    }

    fn user(file: &str, url: &str) -> Option<String> {
        login(file, url).map(|(user, _)| user)
    }

    #[test]
    fn single_line_applies_to_every_url() {
        for text in ["user:se:cr et", "user:se:cr et\nmore", "user:se:cr et\r\n"] {
            assert_eq!(
                login(text, "http://h/p"),
                Some(("user".into(), "se:cr et".into())),
                "{text:?}"
            );
        }
        assert_eq!(
            login("machine:secret", "https://h/"),
            Some(("machine".into(), "secret".into()))
        );
    }

    #[test]
    fn invalid_files_are_rejected_without_showing_them() {
        for text in [
            "",
            "\nuser:secret",
            "secret",
            ":secret",
            "machine",
            "machine h login",
            "machine h password u\nmachine",
        ] {
            let error = CredentialsFile::parse(text).expect_err(text);
            assert!(!error.contains("secret"), "{error}");
        }
    }

    /// The examples of `apt_auth.conf(5)` for <https://example.org/debian>.
    #[test]
    fn examples_of_the_manual_match_as_documented() {
        let apply = [
            "example.org",
            "example.org/debian",
            "example.org/debian/",
            "https://example.org",
        ];
        let not = [
            "example.org/deb/",
            "example.org/ubuntu",
            "example.orga",
            "example.net",
            "http://example.org",
            "org",
            "",
        ];
        // apt would apply the first entry, but not the second.
        let differ = [("example.org/deb", false), ("example.org:443", true)];
        let all = apply
            .map(|name| (name, true))
            .into_iter()
            .chain(not.map(|name| (name, false)))
            .chain(differ);
        for (name, expected) in all.filter(|(name, _)| !name.is_empty()) {
            let file = format!("machine {name} login apt password debian");
            let found = login(&file, "https://example.org/debian/dists/bookworm/InRelease");
            assert_eq!(
                found,
                expected.then(|| ("apt".into(), "debian".into())),
                "{name}"
            );
        }
    }

    #[test]
    fn scheme_host_port_and_path_must_match() {
        for (name, url, expected) in [
            ("h", "http://h/", false),
            ("http://h", "http://h/", true),
            ("http://h", "https://h/", false),
            ("HTTPS://H", "https://h/", true),
            ("h:8443", "https://h:8443/p", true),
            ("h:8443", "https://h/p", false),
            ("h", "https://h:8443/p", true),
            ("[::1]", "https://[::1]/p", true),
            ("[::1]:8443", "https://[::1]:8443/p", true),
            ("[::1]:8443", "https://[::1]/p", false),
            ("h/a", "https://h/a", true),
            ("h/a", "https://h/a/../b", false),
            ("h/a", "https://h/ab", false),
            ("h:x", "https://h/", false),
        ] {
            assert_eq!(
                user(&format!("machine {name} login u"), url).is_some(),
                expected,
                "{name} {url}"
            );
        }
    }

    #[test]
    fn first_matching_entry_applies_over_several_lines() {
        let file = "# mirrors\nmachine h/a\n\tlogin one\n  password #1 # not two\n# machine h login no\nmachine h/b machine h\n\
                    account x login two password machine\n";
        assert_eq!(
            login(file, "https://h/a/x"),
            Some(("one".into(), "#1".into()))
        );
        assert_eq!(login(file, "https://h/b/x"), None);
        assert_eq!(
            login(file, "https://h/c"),
            Some(("two".into(), "machine".into()))
        );
        assert_eq!(
            login("machine h password token", "https://h/"),
            Some((String::new(), "token".into()))
        );
    }

    #[test]
    fn only_hosts_of_base_urls_receive_credentials() {
        let url = |text: &str| Url::parse(text).expect("a URL");
        let file = CredentialsFile::parse("user:secret").expect("a file");
        let credentials =
            Credentials::new(file, &[url("https://h/debian"), url("https://two:8443/x")]);
        for (to, expected) in [
            ("https://h/anything", true),
            ("https://h:443/", true),
            ("https://two:8443/", true),
            ("http://h/debian", false),
            ("https://two/", false),
            ("https://sub.h/", false),
        ] {
            assert_eq!(credentials.login(&url(to)).is_some(), expected, "{to}");
        }
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn parser_never_panics(text in "\\PC*|[machinelogpswrd#:/ \t\n]{0,80}") {
            if let Ok(file) = CredentialsFile::parse(&text) {
                let _ = file.login(&Url::parse("https://h/p").expect("a URL"));
            }
        }

        #[test]
        fn written_entries_are_parsed(
            entries in prop::collection::vec(("[a-z]{1,8}", "[!-~]{1,12}", "[!-~]{1,12}", "[ \t\n]{1,3}"), 1..6),
        ) {
            let write = |(host, user, password, gap): &(String, String, String, String)| {
                format!("machine{gap}{host}.test{gap}password{gap}{password}{gap}login{gap}{user}\n# next\n")
            };
            let text: String = entries.iter().map(write).collect();
            for (host, ..) in &entries {
                let first = entries.iter().find(|entry| entry.0 == *host).expect("itself");
                prop_assert_eq!(login(&text, &format!("https://{host}.test/x")), Some((first.1.clone(), first.2.clone())));
            }
            prop_assert_eq!(login(&text, "https://another.example/"), None);
        }
    }
}
