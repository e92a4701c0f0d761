//! Connection URIs: `postgresql://user:password@host1:port1,host2:port2/dbname?key=value` (libpq's
//! manual, 34.1.1.2
//! *Connection URIs*).

use percent_encoding::percent_decode_str;

use super::error::ConnectError;
use super::params::{ParamSource, Params};

const SCHEMES: [&str; 2] = ["postgresql://", "postgres://"];

/// Returns whether `text` starts with the scheme of a URI. Any other text is a conninfo string.
pub(super) fn is_uri(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| text.starts_with(scheme))
}

/// Parses a URI, whose parts can be percent-encoded.
///
/// # Errors
///
/// Returns an error that names the part of the URI. It quotes no value, which could contain a
/// password.
pub(super) fn parse(text: &str) -> Result<Params, ConnectError> {
    let rest = SCHEMES
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text);
    let mut params = Params::default();
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, ""), |(rest, query)| (rest, query));
    let rest = user_and_password(rest, &mut params)?;
    let (hosts, dbname) = rest.split_once('/').unwrap_or((rest, ""));
    host_list(hosts, &mut params)?;
    set_decoded(&mut params, "dbname", dbname)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        query_pair(pair, &mut params)?;
    }
    Ok(params)
}

/// Reads `user:password@`, and returns the rest.
fn user_and_password<'a>(rest: &'a str, params: &mut Params) -> Result<&'a str, ConnectError> {
    let authority = rest.split('/').next().unwrap_or(rest);
    let Some((credentials, hosts)) = authority.split_once('@') else {
        // In `user:pa/ss@host`, libpq parses "pa" as a port. Its error message would contain a part
        // of the password.
        return if rest.contains('@') {
            Err(misplaced_at())
        } else {
            Ok(rest)
        };
    };
    if hosts.contains('@') {
        return Err(misplaced_at());
    }
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    set_decoded(params, "user", user)?;
    set_decoded(params, "password", password)?;
    Ok(&rest[credentials.len() + 1..])
}

/// Reads `host:port,[v6]:port,…` into the lists `host` and `port`.
fn host_list(text: &str, params: &mut Params) -> Result<(), ConnectError> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for entry in text.split(',') {
        let (host, port) = host_and_port(entry)?;
        hosts.push(decode("host", host)?);
        ports.push(decode("port", port)?);
    }
    if hosts.iter().any(|host| !host.is_empty()) {
        params.set("host", hosts.join(","), ParamSource::Uri)?;
    }
    if ports.iter().any(|port| !port.is_empty()) {
        params.set("port", ports.join(","), ParamSource::Uri)?;
    }
    Ok(())
}

fn host_and_port(entry: &str) -> Result<(&str, &str), ConnectError> {
    let Some(bracketed) = entry.strip_prefix('[') else {
        return Ok(entry.split_once(':').unwrap_or((entry, "")));
    };
    let expected = "[IPV6-ADDRESS] or [IPV6-ADDRESS]:PORT";
    let invalid = || ConnectError::Uri {
        part: "host",
        expected,
        hint: "Example: postgresql://[2001:db8::1]:5432/mydb",
    };
    let (host, rest) = bracketed
        .split_once(']')
        .filter(|(host, _)| !host.is_empty())
        .ok_or_else(invalid)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, port)),
        None if rest.is_empty() => Ok((host, "")),
        None => Err(invalid()),
    }
}

fn query_pair(pair: &str, params: &mut Params) -> Result<(), ConnectError> {
    let Some((key, value)) = pair
        .split_once('=')
        .filter(|(_, value)| !value.contains('='))
    else {
        let expected = "exactly one \"=\" in each parameter";
        return Err(ConnectError::Uri {
            part: "query",
            expected,
            hint: "Inside a value, write \"=\" as %3D and \"&\" as %26.",
        });
    };
    let (key, value) = (decode("query", key)?, decode("query", value)?);
    // The spelling of JDBC, which libpq also accepts.
    if key == "ssl" && value == "true" {
        return params.set("sslmode", "require", ParamSource::Uri);
    }
    params.set(&key, value, ParamSource::Uri)
}

fn set_decoded(params: &mut Params, key: &'static str, encoded: &str) -> Result<(), ConnectError> {
    if encoded.is_empty() {
        Ok(())
    } else {
        params.set(key, decode(key, encoded)?, ParamSource::Uri)
    }
}

/// Decodes percent encoding. As in libpq, incomplete codes and %00 are errors.
fn decode(part: &'static str, encoded: &str) -> Result<String, ConnectError> {
    let invalid = || ConnectError::Uri {
        part,
        expected: "percent-encoded UTF-8 without %00",
        hint: "Write a literal % as %25.",
    };
    let bytes = encoded.as_bytes();
    let is_complete = |at: usize| {
        bytes
            .get(at + 1..at + 3)
            .is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    };
    if encoded.match_indices('%').any(|(at, _)| !is_complete(at)) {
        return Err(invalid());
    }
    let text = percent_decode_str(encoded)
        .decode_utf8()
        .map_err(|_| invalid())?;
    if text.contains('\0') {
        Err(invalid())
    } else {
        Ok(text.into_owned())
    }
}

fn misplaced_at() -> ConnectError {
    ConnectError::Uri {
        part: "user and password",
        expected: "exactly one \"@\", between the password and the host",
        hint: "In a user name, password or database name, write @ as %40, / as %2F and : as %3A.",
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;
    use crate::HintTexts;

    #[test]
    fn parts_are_parsed_as_by_libpq() {
        let cases = [
            ("postgresql://", "host", None),
            ("postgresql://db1", "host", Some("db1")),
            ("postgres://db1:5433/app", "port", Some("5433")),
            ("postgresql://db1/app", "dbname", Some("app")),
            ("postgresql://u@db1", "user", Some("u")),
            ("postgresql://u:p%40ss@db1", "password", Some("p@ss")),
            ("postgresql://u:p:w@db1", "password", Some("p:w")),
            ("postgresql://a:1,b:2,c/app", "host", Some("a,b,c")),
            ("postgresql://a:1,b:2,c/app", "port", Some("1,2,")),
            ("postgresql://a,b/app", "port", None),
            (
                "postgresql://[2001:db8::1]:5433,[::1]/app",
                "host",
                Some("2001:db8::1,::1"),
            ),
            (
                "postgresql://%2Fvar%2Frun%2Fpostgresql/app",
                "host",
                Some("/var/run/postgresql"),
            ),
            (
                "postgresql:///app?host=/tmp&port=5433",
                "host",
                Some("/tmp"),
            ),
            ("postgresql:///?service=prod", "service", Some("prod")),
            ("postgresql://h/d?ssl=true", "sslmode", Some("require")),
            ("postgresql://h/d?user=a%40b", "user", Some("a@b")),
            (
                "postgresql://h?application_name=x%20y",
                "application_name",
                Some("x y"),
            ),
        ];
        for (text, key, expected) in cases {
            assert_eq!(parse(text).expect(text).get(key), expected, "{text} {key}");
        }
    }

    #[test]
    fn errors_name_the_part_and_contain_no_password() {
        let cases = [
            ("postgresql://u:secret@ss@h/d", "user and password"),
            ("postgresql://u:pa/secret@h/d", "user and password"),
            ("postgresql://u:secret%zz@h/d", "password"),
            ("postgresql://u:secret%00@h/d", "password"),
            ("postgresql://[::1/d", "host"),
            ("postgresql://[]/d", "host"),
            ("postgresql://[::1]x/d", "host"),
            ("postgresql://h/d?a", "query"),
            ("postgresql://h/d?host=a=b", "query"),
            ("postgresql://h/d?hots=a", "\"hots\""),
        ];
        for (text, expected) in cases {
            let error = parse(text).expect_err(text);
            let message = format!(
                "{error} {error:?} {}",
                error.hint(&HintTexts::default()).unwrap_or_default()
            );
            assert!(message.contains(expected), "{text}: {message}");
            assert!(!message.contains("secret"), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn encoded_passwords_are_restored(password in "[^\\x00]{1,30}") {
            let text = format!("postgresql://u:{}@h/d", utf8_percent_encode(&password, NON_ALPHANUMERIC));
            let params = parse(&text).expect("encoded");
            prop_assert_eq!(params.get("password"), Some(password.as_str()));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse(&format!("postgresql://{text}"));
        }
    }
}
