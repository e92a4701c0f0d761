//! User names and passwords for HTTP basic authentication (RFC 7617), and which URLs may have them.

use std::fmt;

use url::{Origin, Url};

/// A user name and a password. Neither is shown.
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

/// What a file of credentials says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialsFile {
    /// `USER:PASSWORD` in the first line.
    One(Login),
    /// The netrc-like format of `apt_auth.conf(5)`.
    Machines(Vec<Machine>),
}

/// A `machine` and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Machine {
    /// `[SCHEME://]HOST[:PORT][/PATH]`
    name: String,
    /// None where neither a user name nor a password follows.
    login: Option<Login>,
}

impl CredentialsFile {
    /// Reads a file's text. The error says what was expected, and nothing that stands in the file.
    ///
    /// A text whose first word outside of comments is `machine` is in the format of `apt_auth.conf(5)`: words over any number of
    /// lines, of which those that are not known are passed over. A line whose first word begins with `#`, where no value is due, is a
    /// comment.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut machines = Vec::new();
        let mut words = Words::new(text);
        if words.next(false) != Some("machine") {
            return one(text).map(Self::One).ok_or("USER:PASSWORD in the first line, or entries of apt_auth.conf(5)");
        }
        let mut machine = words.next(true);
        while let Some(name) = machine.take() {
            let (mut user, mut password) = (None, None);
            while let Some(word) = words.next(false) {
                let value = match word {
                    "login" => &mut user,
                    "password" => &mut password,
                    "machine" => {
                        machine = Some(words.next(true).ok_or("a host after the last `machine`")?);
                        break;
                    }
                    _ => continue,
                };
                *value = Some(words.next(true).ok_or("a value after the last `login` or `password`")?.to_owned());
            }
            let found = user.is_some() || password.is_some();
            let login = found.then(|| Login { user: user.unwrap_or_default(), password: password.unwrap_or_default() });
            machines.push(Machine { name: name.to_owned(), login });
        }
        if machines.is_empty() { Err("a host after `machine`") } else { Ok(Self::Machines(machines)) }
    }

    /// What it has for a URL: the first entry that matches counts.
    pub(crate) fn login(&self, url: &Url) -> Option<&Login> {
        match self {
            Self::One(login) => Some(login),
            Self::Machines(machines) => machines.iter().find(|machine| machine.matches(url))?.login.as_ref(),
        }
    }
}

fn one(text: &str) -> Option<Login> {
    let (user, password) = text.lines().next()?.split_once(':').filter(|(user, _)| !user.is_empty())?;
    Some(Login { user: user.to_owned(), password: password.to_owned() })
}

/// The words of a text, and its comments left out.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        // A mark that editors put before UTF-8 is no part of the first word.
        Self { rest: text.trim_start_matches('\u{feff}') }
    }

    /// The next word; a value may begin with `#`, any other that does so begins a comment up to the end of its line.
    fn next(&mut self, value: bool) -> Option<&'a str> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if self.rest.is_empty() {
                return None;
            }
            let comment = !value && self.rest.starts_with('#');
            let ends = |c: char| if comment { c == '\n' } else { c.is_ascii_whitespace() };
            let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
            self.rest = rest;
            if !comment {
                return Some(word);
            }
        }
    }
}

impl Machine {
    /// Whether an entry is for a URL. Without a scheme it is for https only. A path counts by whole components: `host/a` is for
    /// `/a/b` and not for `/ab`, where apt compares letters, and would give it away. A port is the one that is connected to, be it
    /// written in the URL or not.
    fn matches(&self, url: &Url) -> bool {
        let (scheme, place) = self.name.split_once("://").unwrap_or(("https", &self.name));
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        // The colons of an IPv6 address stand in brackets.
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let path = path.trim_end_matches('/');
        url.scheme().eq_ignore_ascii_case(scheme)
            && url.host_str().is_some_and(|found| found.eq_ignore_ascii_case(host))
            && port.is_none_or(|port| port.parse() == Ok(url.port_or_known_default().unwrap_or_default()))
            && url.path().strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Credentials, and the hosts that may have them: those of a source's own base URLs, and no other that a list of mirrors or a
/// redirect leads to.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    file: CredentialsFile,
    /// Scheme, host and port: what is for https never goes over http.
    origins: Vec<Origin>,
}

impl Credentials {
    /// What `file` has, for the hosts of these base URLs.
    pub(crate) fn new(file: CredentialsFile, bases: &[Url]) -> Self {
        Self { file, origins: bases.iter().map(Url::origin).collect() }
    }

    /// What may be sent to a URL.
    pub(crate) fn login(&self, url: &Url) -> Option<&Login> {
        self.origins.contains(&url.origin()).then(|| self.file.login(url))?
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn login(file: &str, url: &str) -> Option<(String, String)> {
        let file = CredentialsFile::parse(file).expect("a file");
        file.login(&Url::parse(url).expect("a URL")).map(|login| (login.user.clone(), login.password.clone()))
    }

    fn user(file: &str, url: &str) -> Option<String> {
        login(file, url).map(|(user, _)| user)
    }

    #[test]
    fn one_line_is_for_every_url() {
        for text in ["user:se:cr et", "user:se:cr et\nmore", "user:se:cr et\r\n"] {
            assert_eq!(login(text, "http://h/p"), Some(("user".into(), "se:cr et".into())), "{text:?}");
        }
        assert_eq!(login("machine:secret", "https://h/"), Some(("machine".into(), "secret".into())));
    }

    #[test]
    fn what_is_neither_is_refused_without_showing_it() {
        for text in ["", "\nuser:secret", "secret", ":secret", "machine", "machine h login", "machine h password u\nmachine"] {
            let error = CredentialsFile::parse(text).expect_err(text);
            assert!(!error.contains("secret"), "{error}");
        }
    }

    /// The examples of `apt_auth.conf(5)` for <https://example.org/debian>.
    #[test]
    fn the_manuals_examples_come_out_as_it_says() {
        let apply = ["example.org", "example.org/debian", "example.org/debian/", "https://example.org"];
        let not = ["example.org/deb/", "example.org/ubuntu", "example.orga", "example.net", "http://example.org", "org", ""];
        // apt would apply the first, and not the second.
        let differ = [("example.org/deb", false), ("example.org:443", true)];
        let all = apply.map(|name| (name, true)).into_iter().chain(not.map(|name| (name, false))).chain(differ);
        for (name, expected) in all.filter(|(name, _)| !name.is_empty()) {
            let file = format!("machine {name} login apt password debian");
            let found = login(&file, "https://example.org/debian/dists/bookworm/InRelease");
            assert_eq!(found, expected.then(|| ("apt".into(), "debian".into())), "{name}");
        }
    }

    #[test]
    fn scheme_host_port_and_path_all_count() {
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
            assert_eq!(user(&format!("machine {name} login u"), url).is_some(), expected, "{name} {url}");
        }
    }

    #[test]
    fn words_stand_over_lines_and_the_first_entry_that_matches_counts() {
        let file = "# mirrors\nmachine h/a\n\tlogin one\n  password #1 # not two\n# machine h login no\nmachine h/b machine h\n\
                    account x login two password machine\n";
        assert_eq!(login(file, "https://h/a/x"), Some(("one".into(), "#1".into())));
        assert_eq!(login(file, "https://h/b/x"), None);
        assert_eq!(login(file, "https://h/c"), Some(("two".into(), "machine".into())));
        assert_eq!(login("machine h password token", "https://h/"), Some((String::new(), "token".into())));
    }

    #[test]
    fn only_the_hosts_of_the_bases_are_told() {
        let url = |text: &str| Url::parse(text).expect("a URL");
        let file = CredentialsFile::parse("user:secret").expect("a file");
        let credentials = Credentials::new(file, &[url("https://h/debian"), url("https://two:8443/x")]);
        for (to, told) in [
            ("https://h/anything", true),
            ("https://h:443/", true),
            ("https://two:8443/", true),
            ("http://h/debian", false),
            ("https://two/", false),
            ("https://sub.h/", false),
        ] {
            assert_eq!(credentials.login(&url(to)).is_some(), told, "{to}");
        }
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[machinelogpswrd#:/ \t\n]{0,80}") {
            if let Ok(file) = CredentialsFile::parse(&text) {
                let _ = file.login(&Url::parse("https://h/p").expect("a URL"));
            }
        }

        #[test]
        fn what_is_written_is_read(
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
