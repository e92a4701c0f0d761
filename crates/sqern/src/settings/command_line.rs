//! The command line, as it is recorded and as hints repeat it.

use sqern_core::pipeline::quote;

/// Joins the arguments, quoted for a shell. All readers of the database can read the result. It
/// therefore omits `--dsn`, which can contain a password, and the user information of URLs. The
/// value of `--command`, a shell command that can contain a password, is replaced by `CMD`.
pub(crate) fn without_secrets(arguments: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut previous = String::new();
    for argument in arguments {
        match std::mem::take(&mut previous).as_str() {
            "--dsn" => continue,
            "--command" => {
                parts.push("CMD".to_owned());
                continue;
            }
            _ => previous.clone_from(&argument),
        }
        if argument.starts_with("--command=") {
            parts.push("--command=CMD".to_owned());
        } else if !argument.starts_with("--dsn") {
            parts.push(without_userinfo(&argument));
        }
    }
    quote(&parts)
}

/// Replaces the connection string of `--dsn`, which can contain a password, by `DSN`, and removes
/// the user information of URLs.
pub(super) fn with_placeholders(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_dsn = false;
    let replace = |argument: String| {
        let is_value = std::mem::replace(&mut is_dsn, argument == "--dsn");
        match argument.strip_prefix("--dsn=") {
            _ if is_value => "DSN".to_owned(),
            Some(_) => "--dsn=DSN".to_owned(),
            None => without_userinfo(&argument),
        }
    };
    arguments.map(replace).collect()
}

/// Returns a command line with another flag (before `--`) and without some flags, quoted for a
/// shell.
pub(super) fn with_flag(arguments: &[String], flag: &str, removed: &[&str]) -> String {
    let mut changed: Vec<String> = arguments
        .iter()
        .filter(|argument| !removed.contains(&argument.as_str()))
        .cloned()
        .collect();
    let end = changed
        .iter()
        .position(|argument| argument == "--")
        .unwrap_or(changed.len());
    changed.insert(end, flag.to_owned());
    quote(&changed)
}

/// Removes the user information from a URL: `https://user:password@host/path` (RFC 3986, 3.2.1).
pub(crate) fn without_userinfo(argument: &str) -> String {
    let Some((scheme, rest)) = argument.split_once("://") else {
        return argument.to_owned();
    };
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
            (
                "kver add debian12/6.1.0-25-amd64",
                "sqern kver add debian12/6.1.0-25-amd64",
            ),
            (
                "check --dsn postgresql://me:secret@db/x --dry-run",
                "sqern check --dry-run",
            ),
            ("check --dsn=password=secret", "sqern check"),
            (
                "build run --command TOKEN=secret;./x --jobs 2",
                "sqern build run --command CMD --jobs 2",
            ),
            (
                "fetch --command=TOKEN=secret --jobs 2",
                "sqern fetch --command=CMD --jobs 2",
            ),
            (
                "check --mirror-base https://me:se@cret@mirror.example/a@b",
                "sqern check --mirror-base https://mirror.example/a@b",
            ),
            (
                "check --mirror-base=http://secret@mirror.example",
                "sqern check --mirror-base=http://mirror.example",
            ),
        ] {
            assert_eq!(
                without_secrets(arguments.split(' ').map(str::to_owned)),
                recorded
            );
        }
    }

    #[test]
    fn a_recorded_command_line_is_quoted() {
        let arguments = [
            "ignore",
            "add",
            "debian12",
            "*-rt-*",
            "--reason",
            "no rt customers",
        ];
        let recorded = "sqern ignore add debian12 '*-rt-*' --reason 'no rt customers'";
        assert_eq!(
            without_secrets(arguments.into_iter().map(str::to_owned)),
            recorded
        );
    }

    #[test]
    fn hints_repeat_the_command_line_with_another_flag() {
        for (typed, expected) in [
            (
                "cust load c0.csv --partial",
                "sqern cust load c0.csv --partial --accept-shrink",
            ),
            (
                "cust load c0.csv --dry-run --limit 5",
                "sqern cust load c0.csv --limit 5 --accept-shrink",
            ),
            (
                "--dsn postgresql://me:secret@db/x cust load a",
                "sqern --dsn DSN cust load a --accept-shrink",
            ),
            (
                "cust load a --dsn=password=secret",
                "sqern cust load a --dsn=DSN --accept-shrink",
            ),
            (
                "cust load -- -a;b",
                "sqern cust load --accept-shrink -- '-a;b'",
            ),
        ] {
            let arguments = with_placeholders(typed.split(' ').map(str::to_owned));
            assert_eq!(
                with_flag(&arguments, "--accept-shrink", &["--dry-run"]),
                expected
            );
        }
    }
}
