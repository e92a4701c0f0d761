//! The parameters of a connection by name: libpq's manual, 34.1.2 *Parameter Key Words* and 34.15 *Environment Variables*.

/// What sqern does with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// It has its effect.
    Used,
    /// It is taken and has no effect here: nothing is lost, and a service file shared with libpq keeps working.
    Harmless,
    /// It asks for a protection or a mode that sqern lacks; ignoring it would be a lie. Holds the way around it.
    Refused(&'static str),
}

/// One parameter.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    /// The environment variable that gives it, if one does.
    pub(super) env: Option<&'static str>,
    pub(super) handling: Handling,
}

const fn used(name: &'static str, env: &'static str) -> Keyword {
    Keyword { name, env: Some(env), handling: Handling::Used }
}

const fn harmless(name: &'static str, env: Option<&'static str>) -> Keyword {
    Keyword { name, env, handling: Handling::Harmless }
}

const fn refused(name: &'static str, env: Option<&'static str>, instead: &'static str) -> Keyword {
    Keyword { name, env, handling: Handling::Refused(instead) }
}

const fn plain(name: &'static str) -> Keyword {
    Keyword { name, env: None, handling: Handling::Used }
}

/// Every parameter that libpq 18 knows.
pub(super) static KEYWORDS: &[Keyword] = &[
    used("application_name", "PGAPPNAME"),
    used("channel_binding", "PGCHANNELBINDING"),
    used("connect_timeout", "PGCONNECT_TIMEOUT"),
    used("dbname", "PGDATABASE"),
    plain("fallback_application_name"),
    used("gssencmode", "PGGSSENCMODE"),
    used("host", "PGHOST"),
    used("hostaddr", "PGHOSTADDR"),
    plain("keepalives"),
    plain("keepalives_idle"),
    plain("keepalives_interval"),
    plain("keepalives_count"),
    used("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    used("options", "PGOPTIONS"),
    used("passfile", "PGPASSFILE"),
    used("password", "PGPASSWORD"),
    used("port", "PGPORT"),
    used("service", "PGSERVICE"),
    used("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    used("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    used("sslcert", "PGSSLCERT"),
    used("sslcertmode", "PGSSLCERTMODE"),
    used("sslkey", "PGSSLKEY"),
    used("sslmode", "PGSSLMODE"),
    used("sslnegotiation", "PGSSLNEGOTIATION"),
    used("sslrootcert", "PGSSLROOTCERT"),
    used("target_session_attrs", "PGTARGETSESSIONATTRS"),
    plain("tcp_user_timeout"),
    used("user", "PGUSER"),
    // sqern always speaks UTF-8 with the server, which is what a client that asks for nothing else means by this.
    harmless("client_encoding", None),
    harmless("gssdelegation", Some("PGGSSDELEGATION")),
    harmless("gsslib", Some("PGGSSLIB")),
    harmless("krbsrvname", Some("PGKRBSRVNAME")),
    harmless("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    harmless("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    harmless("sslcompression", Some("PGSSLCOMPRESSION")),
    harmless("sslkeylogfile", None),
    harmless("sslsni", Some("PGSSLSNI")),
    refused("oauth_client_id", None, "Use a password, a client certificate or peer authentication."),
    refused("oauth_client_secret", None, "Use a password, a client certificate or peer authentication."),
    refused("oauth_issuer", None, "Use a password, a client certificate or peer authentication."),
    refused("oauth_scope", None, "Use a password, a client certificate or peer authentication."),
    refused("replication", None, "Remove the parameter. The replication protocol is not used."),
    refused("require_auth", Some("PGREQUIREAUTH"), "Use sslmode=verify-full to authenticate the server."),
    refused("requirepeer", Some("PGREQUIREPEER"), "Use a socket directory that only the user of the server can write to."),
    refused("scram_client_key", None, "Use a password, or a line in ~/.pgpass."),
    refused("scram_server_key", None, "Use a password, or a line in ~/.pgpass."),
    refused("servicefile", None, "Set the environment variable PGSERVICEFILE."),
    refused("sslcrl", Some("PGSSLCRL"), "Remove the parameter if certificate revocation lists are not required."),
    refused("sslcrldir", Some("PGSSLCRLDIR"), "Remove the parameter if certificate revocation lists are not required."),
    refused("sslpassword", None, "Decrypt the key with openssl pkey -in KEY -out NEWKEY."),
];

/// The parameter called `name`, which is case-sensitive as in libpq.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The names that `name` may have been meant to be, nearest first, three at most.
pub(super) fn near(name: &str) -> Vec<&'static str> {
    // What other libraries call the same thing.
    let alias = match name.to_ascii_lowercase().as_str() {
        "database" | "db" => Some("dbname"),
        "username" | "role" => Some("user"),
        "pass" | "pwd" | "passwd" => Some("password"),
        "server" => Some("host"),
        "timeout" => Some("connect_timeout"),
        "ssl" => Some("sslmode"),
        _ => None,
    };
    let names = KEYWORDS.iter().filter(|keyword| keyword.handling == Handling::Used).map(|keyword| keyword.name);
    alias.into_iter().chain(nearest(name, names)).take(3).collect()
}

/// The `candidates` that differ from `given` by few letters, nearest first.
pub(super) fn nearest<'a>(given: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let given = given.to_lowercase();
    let limit = given.chars().count() / 3 + 1;
    let mut found: Vec<_> = candidates.map(|name| (distance(&given, &name.to_lowercase()), name)).collect();
    found.retain(|(distance, _)| *distance <= limit);
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).collect()
}

/// How many letters must be put in, taken out or changed to make `left` into `right` (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let changed = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_or_foreign_name_finds_the_right_one() {
        let cases = [("hots", "host"), ("dbnam", "dbname"), ("database", "dbname"), ("ssl_mode", "sslmode"), ("Port", "port")];
        for (given, expected) in cases {
            assert_eq!(near(given).first(), Some(&expected), "{given}");
        }
        assert!(near("completely_different").is_empty());
    }

    #[test]
    fn no_name_stands_twice() {
        let names: std::collections::BTreeSet<_> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
        assert_eq!(names.len(), KEYWORDS.len());
    }
}
