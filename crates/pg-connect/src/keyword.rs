//! The parameters of a connection by name: libpq's manual, 34.1.2 *Parameter Key Words* and 34.15 *Environment Variables*.

use super::suggest::nearest;

/// The effect of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// The parameter has the effect that the manual describes.
    Used,
    /// The parameter is accepted without effect, so that a service file can be shared with libpq.
    /// No protection depends on it.
    Ignored,
    /// The parameter requests a protection or a mode that does not exist here. It is rejected,
    /// because a user who sets it relies on it. Contains the hint.
    Unsupported(&'static str),
}

/// A parameter.
#[derive(Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    /// The environment variable that sets the parameter, if there is one.
    pub(super) env: Option<&'static str>,
    pub(super) handling: Handling,
}

const fn used(name: &'static str, env: &'static str) -> Keyword {
    Keyword {
        name,
        env: Some(env),
        handling: Handling::Used,
    }
}

const fn ignored(name: &'static str, env: Option<&'static str>) -> Keyword {
    Keyword {
        name,
        env,
        handling: Handling::Ignored,
    }
}

const fn unsupported(name: &'static str, env: Option<&'static str>, hint: &'static str) -> Keyword {
    Keyword {
        name,
        env,
        handling: Handling::Unsupported(hint),
    }
}

const fn without_variable(name: &'static str) -> Keyword {
    Keyword {
        name,
        env: None,
        handling: Handling::Used,
    }
}

/// All parameters of libpq 18.
pub(super) static KEYWORDS: &[Keyword] = &[
    used("application_name", "PGAPPNAME"),
    used("channel_binding", "PGCHANNELBINDING"),
    used("connect_timeout", "PGCONNECT_TIMEOUT"),
    used("dbname", "PGDATABASE"),
    without_variable("fallback_application_name"),
    used("gssencmode", "PGGSSENCMODE"),
    used("host", "PGHOST"),
    used("hostaddr", "PGHOSTADDR"),
    without_variable("keepalives"),
    without_variable("keepalives_idle"),
    without_variable("keepalives_interval"),
    without_variable("keepalives_count"),
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
    without_variable("tcp_user_timeout"),
    used("user", "PGUSER"),
    // The driver always sets UTF8, which every encoding of a server can be converted to.
    ignored("client_encoding", None),
    ignored("gssdelegation", Some("PGGSSDELEGATION")),
    ignored("gsslib", Some("PGGSSLIB")),
    ignored("krbsrvname", Some("PGKRBSRVNAME")),
    ignored("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    ignored("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    ignored("sslcompression", Some("PGSSLCOMPRESSION")),
    ignored("sslkeylogfile", None),
    ignored("sslsni", Some("PGSSLSNI")),
    unsupported(
        "oauth_client_id",
        None,
        "Use a password, a client certificate or peer authentication.",
    ),
    unsupported(
        "oauth_client_secret",
        None,
        "Use a password, a client certificate or peer authentication.",
    ),
    unsupported(
        "oauth_issuer",
        None,
        "Use a password, a client certificate or peer authentication.",
    ),
    unsupported(
        "oauth_scope",
        None,
        "Use a password, a client certificate or peer authentication.",
    ),
    unsupported(
        "replication",
        None,
        "Remove the parameter. The replication protocol is not used.",
    ),
    unsupported(
        "require_auth",
        Some("PGREQUIREAUTH"),
        "Use sslmode=verify-full to authenticate the server.",
    ),
    unsupported(
        "requirepeer",
        Some("PGREQUIREPEER"),
        "Use a socket directory that only the operating system user of the PostgreSQL server can write to.",
    ),
    unsupported(
        "scram_client_key",
        None,
        "Use a password, or a line in ~/.pgpass.",
    ),
    unsupported(
        "scram_server_key",
        None,
        "Use a password, or a line in ~/.pgpass.",
    ),
    unsupported(
        "servicefile",
        None,
        "Set the environment variable PGSERVICEFILE.",
    ),
    unsupported(
        "sslcrl",
        Some("PGSSLCRL"),
        "Remove the parameter if certificate revocation lists are not required.",
    ),
    unsupported(
        "sslcrldir",
        Some("PGSSLCRLDIR"),
        "Remove the parameter if certificate revocation lists are not required.",
    ),
    unsupported(
        "sslpassword",
        None,
        "Decrypt the key with openssl pkey -in KEY -out NEWKEY.",
    ),
];

/// Returns the parameter `name`. Names are case-sensitive, as in libpq.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// Returns at most 3 parameters with names similar to `name`, nearest first.
pub(super) fn similar(name: &str) -> Vec<&'static str> {
    // Names of the same parameters in other libraries.
    let alias = match name.to_ascii_lowercase().as_str() {
        "database" | "db" => Some("dbname"),
        "username" | "role" => Some("user"),
        "pass" | "pwd" | "passwd" => Some("password"),
        "server" => Some("host"),
        "timeout" => Some("connect_timeout"),
        "ssl" => Some("sslmode"),
        _ => None,
    };
    let names = KEYWORDS
        .iter()
        .filter(|keyword| keyword.handling == Handling::Used)
        .map(|keyword| keyword.name);
    alias
        .into_iter()
        .chain(nearest(name, names))
        .take(3)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_names_and_names_of_other_libraries_are_recognized() {
        let cases = [
            ("hots", "host"),
            ("dbnam", "dbname"),
            ("database", "dbname"),
            ("ssl_mode", "sslmode"),
            ("Port", "port"),
        ];
        for (given, expected) in cases {
            assert_eq!(similar(given).first(), Some(&expected), "{given}");
        }
        assert!(similar("completely_different").is_empty());
    }

    #[test]
    fn parameter_names_are_unique() {
        let names: std::collections::BTreeSet<_> =
            KEYWORDS.iter().map(|keyword| keyword.name).collect();
        assert_eq!(names.len(), KEYWORDS.len());
    }
}
