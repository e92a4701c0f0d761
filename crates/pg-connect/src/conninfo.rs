//! Conninfo strings: `key=value key='value with blanks'` (libpq's manual, 34.1.1.1 *Keyword/Value
//! Connection Strings*).

use super::error::ConnectError;
use super::params::{ParamSource, Params};

/// Parses a conninfo string.
///
/// Blanks around `=` are allowed, a value with blanks is quoted by `'`, and `\` escapes the next
/// character.
///
/// # Errors
///
/// Returns an error with the position of a character. It quotes no value, which could be a part of
/// a password.
pub(super) fn parse(text: &str) -> Result<Params, ConnectError> {
    let mut params = Params::default();
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
    };
    let mut after_password = false;
    while let Some(key) = reader.key(after_password)? {
        let value = reader.value()?;
        let result = params.set(&key, value, ParamSource::Conninfo);
        // In `password=my key=x`, the error of an unknown parameter would print "key", a part of
        // the password.
        result.map_err(|error| {
            if after_password {
                unquoted_password(reader.at)
            } else {
                error
            }
        })?;
        after_password = key == "password";
    }
    Ok(params)
}

/// The characters of the text, and the index of the next one.
struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// Reads the name of the next parameter and the `=` after it; `None` at the end.
    fn key(&mut self, after_password: bool) -> Result<Option<String>, ConnectError> {
        self.skip_blanks();
        let start = self.at;
        while self.peek().is_some_and(|c| c != '=' && !c.is_whitespace()) {
            self.at += 1;
        }
        if self.at == start && self.peek().is_none() {
            return Ok(None);
        }
        let key: String = self.chars[start..self.at].iter().collect();
        self.skip_blanks();
        if self.peek() != Some('=') {
            return Err(if after_password {
                unquoted_password(start + 1)
            } else {
                missing_equals(start + 1)
            });
        }
        self.at += 1;
        Ok(Some(key))
    }

    fn value(&mut self) -> Result<String, ConnectError> {
        self.skip_blanks();
        if self.peek() == Some('\'') {
            self.quoted()
        } else {
            Ok(self.unquoted())
        }
    }

    fn unquoted(&mut self) -> String {
        let mut value = String::new();
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace()) {
            self.at += 1;
            value.extend(if c == '\\' { self.escaped() } else { Some(c) });
        }
        value
    }

    fn quoted(&mut self) -> Result<String, ConnectError> {
        let open = self.at + 1;
        let mut value = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\'' => return Ok(value),
                '\\' => value.extend(self.escaped()),
                _ => value.push(c),
            }
        }
        Err(ConnectError::Conninfo {
            at: open,
            expected: "a closing ' for the quotation mark",
            hint: "Inside quotes, write ' as \\' and \\ as \\\\.",
        })
    }

    /// Reads the character after a backslash. As in libpq, a backslash at the end is ignored.
    fn escaped(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }
}

fn missing_equals(at: usize) -> ConnectError {
    ConnectError::Conninfo {
        at,
        expected: "\"=\" after the parameter name",
        hint: "Write dbname=NAME for a database, service=NAME for a service, or a URI that starts with postgresql://.",
    }
}

fn unquoted_password(at: usize) -> ConnectError {
    ConnectError::Conninfo {
        at,
        expected: "a parameter after the password",
        hint: "Quote a password with blanks: password='…'. Inside quotes, write ' as \\' and \\ as \\\\.",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::HintTexts;

    fn read(text: &str, key: &str) -> Option<String> {
        parse(text).expect(text).get(key).map(str::to_owned)
    }

    #[test]
    fn values_are_parsed_as_by_libpq() {
        let cases = [
            ("host=db1", "host", Some("db1")),
            ("  host = db1   port=1 ", "host", Some("db1")),
            ("host=db1 host=db2", "host", Some("db2")),
            ("host='a b'", "host", Some("a b")),
            (r"host='it\'s'", "host", Some("it's")),
            (r"host=a\ b", "host", Some("a b")),
            (r"host='c:\\d'", "host", Some(r"c:\d")),
            ("host='' port=1", "host", None),
            ("host= port=1", "host", Some("port=1")),
            ("host='a'port=2", "port", Some("2")),
            ("", "host", None),
            ("dbname=søk", "dbname", Some("søk")),
            (
                "client_encoding=UTF8 keepalives=1 gssencmode=disable",
                "gssencmode",
                Some("disable"),
            ),
        ];
        for (text, key, expected) in cases {
            assert_eq!(read(text, key).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn errors_contain_the_position_and_no_password() {
        let cases = [
            ("mydb", "character 1"),
            ("host=a port", "character 8"),
            ("host='a", "character 6"),
            ("hots=a", "\"hots\""),
            ("sslcrl=/x", "sslcrl"),
            ("password=my secret", "character 13"),
            ("password=my secret=5", "after the password"),
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
        fn quoted_values_are_restored(value in "\\PC{1,40}") {
            let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
            let found = read(&format!("dbname='{quoted}' port=1"), "dbname");
            prop_assert_eq!(found.as_deref(), Some(value.as_str()));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
