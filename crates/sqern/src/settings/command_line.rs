//! The command line as it is recorded.

use sqern_core::pipeline::quote;

/// Joins the arguments, quoted for a shell. The database stores the result for all readers, so `--dsn`, which can contain a password, and the user
/// information of URLs are omitted.
pub(super) fn without_secrets(arguments: impl Iterator<Item = String>) -> String {
    let mut parts = Vec::new();
    let mut hide_next = false;
    for argument in arguments {
        if std::mem::take(&mut hide_next) {
            continue;
        }
        hide_next = argument == "--dsn";
        if !argument.starts_with("--dsn") {
            parts.push(without_userinfo(&argument));
        }
    }
    quote(&parts)
}

/// Removes the user information from a URL: `https://user:password@host/path` (RFC 3986, 3.2.1).
pub(crate) fn without_userinfo(argument: &str) -> String {
    let Some((scheme, rest)) = argument.split_once("://") else { return argument.to_owned() };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let secret = authority.rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[secret..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_command_line_contains_no_secrets() {
        for (arguments, recorded) in [
            ("kver add debian12 6.1.0-25-amd64", "sqern kver add debian12 6.1.0-25-amd64"),
            ("check --dsn postgresql://me:secret@db/x --dry-run", "sqern check --dry-run"),
            ("check --dsn=password=secret", "sqern check"),
            ("check --mirror-base https://me:se@cret@mirror.example/a@b", "sqern check --mirror-base https://mirror.example/a@b"),
            ("check --mirror-base=http://secret@mirror.example", "sqern check --mirror-base=http://mirror.example"),
        ] {
            assert_eq!(without_secrets(arguments.split(' ').map(str::to_owned)), recorded);
        }
    }

    #[test]
    fn a_recorded_command_line_is_quoted() {
        let arguments = ["ignore", "add", "debian12", "*-rt-*", "--reason", "no rt customers"];
        let recorded = "sqern ignore add debian12 '*-rt-*' --reason 'no rt customers'";
        assert_eq!(without_secrets(arguments.into_iter().map(str::to_owned)), recorded);
    }
}
