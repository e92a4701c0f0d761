//! Service files with named sections of parameters (libpq's manual, 34.17 *The Connection Service
//! File*).

use std::io;
use std::path::{Path, PathBuf};

use super::details::ServiceFile;
use super::env::ConnectEnv;
use super::error::ConnectError;
use super::params::{ParamSource, Params};

/// Returns the parameters of the service `name` from the first file that defines it. The file of
/// the user precedes those of the system.
///
/// # Errors
///
/// Returns an error in these cases:
///
/// - The file of `PGSERVICEFILE` does not exist, or a file cannot be read.
/// - A line of the section is invalid.
/// - No file defines the service. The error lists the files and their services.
pub(super) fn load(name: &str, env: &ConnectEnv) -> Result<Params, ConnectError> {
    let mut files = Vec::new();
    for (path, required) in candidates(env) {
        let Some(text) = read(&path, required)? else {
            continue;
        };
        if let Some(params) = section(&text, name, &path)? {
            return Ok(params);
        }
        files.push(ServiceFile {
            services: section_names(&text),
            path,
        });
    }
    Err(ConnectError::ServiceNotFound {
        name: name.to_owned(),
        files,
        searched: searched_paths(env),
    })
}

/// Returns the files to read, in order, and whether each is required. Only the file that the user
/// named is.
fn candidates(env: &ConnectEnv) -> Vec<(PathBuf, bool)> {
    let user = match env.var("PGSERVICEFILE") {
        Some(path) => Some((PathBuf::from(path), true)),
        None => env
            .home
            .as_ref()
            .map(|home| (home.join(".pg_service.conf"), false)),
    };
    let dirs = env
        .var("PGSYSCONFDIR")
        .map_or_else(|| env.system_dirs.clone(), |dir| vec![PathBuf::from(dir)]);
    let system = dirs
        .into_iter()
        .map(|dir| (dir.join("pg_service.conf"), false));
    user.into_iter().chain(system).collect()
}

fn searched_paths(env: &ConnectEnv) -> Vec<PathBuf> {
    candidates(env).into_iter().map(|(path, _)| path).collect()
}

fn read(path: &Path, required: bool) -> Result<Option<String>, ConnectError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => Ok(None),
        Err(source) => Err(ConnectError::ServiceFile {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Returns the name of the section if `line` is a section header.
fn section_name(line: &str) -> Option<&str> {
    line.strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .map(|(name, _)| name)
}

fn section_names(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| section_name(line.trim()))
        .map(str::to_owned)
        .collect()
}

/// Returns the parameters of the first section `name`. Within the section, the first value of a
/// parameter counts.
fn section(text: &str, name: &str, path: &Path) -> Result<Option<Params>, ConnectError> {
    let lines = || text.lines().map(str::trim).enumerate();
    let Some(start) = lines().position(|(_, line)| section_name(line) == Some(name)) else {
        return Ok(None);
    };
    let mut params = Params::default();
    let body = lines()
        .skip(start + 1)
        .take_while(|(_, line)| !line.starts_with('['));
    for (number, line) in body.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        params.fill_from(parse_line(line, path, number + 1)?);
    }
    Ok(Some(params))
}

/// Parses a line `key=value`. As in libpq, there must be no blank before `=`, and services cannot
/// be nested.
fn parse_line(line: &str, path: &Path, number: usize) -> Result<Params, ConnectError> {
    let invalid = |expected| ConnectError::ServiceLine {
        path: path.to_owned(),
        line: number,
        expected,
    };
    let (key, value) = line.split_once('=').ok_or_else(|| invalid("key=value"))?;
    if key.ends_with(char::is_whitespace) {
        return Err(invalid("key=value without blanks around \"=\""));
    }
    if key == "service" {
        return Err(invalid(
            "a parameter other than service, because service definitions cannot be nested",
        ));
    }
    let mut params = Params::default();
    params.set(key, value, ParamSource::Service { path, line: number })?;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HintTexts;

    const TEXT: &str = "# comment\n[prod]\n  host=db1,db2\nport=5433\nhost=later\n# note\n\n[test]\nhost=t\n[prod]\nhost=never\n";

    fn value(text: &str, service: &str, key: &str) -> Option<String> {
        let params = section(text, service, Path::new("/f")).expect(text)?;
        params.get(key).map(str::to_owned)
    }

    #[test]
    fn the_first_section_and_the_first_value_count() {
        assert_eq!(value(TEXT, "prod", "host").as_deref(), Some("db1,db2"));
        assert_eq!(value(TEXT, "prod", "port").as_deref(), Some("5433"));
        assert_eq!(value(TEXT, "test", "host").as_deref(), Some("t"));
        assert_eq!(value(TEXT, "none", "host"), None);
        assert_eq!(section_names(TEXT), ["prod", "test", "prod"]);
    }

    #[test]
    fn errors_contain_the_number_of_the_invalid_line() {
        let cases = [
            ("[a]\nhost", "line 2"),
            ("[a]\n\nhost = x", "line 3"),
            ("[a]\nservice=b", "line 2"),
            ("[a]\nhots=b", "line 2"),
        ];
        for (text, expected) in cases {
            let error = section(text, "a", Path::new("/f"))
                .expect_err(text)
                .to_string();
            assert!(error.contains(expected) && error.contains("/f"), "{error}");
        }
    }

    #[test]
    fn an_undefined_service_lists_the_defined_services() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(".pg_service.conf");
        std::fs::write(&path, TEXT).expect("write");
        let env = ConnectEnv {
            home: Some(dir.path().into()),
            system_dirs: vec![],
            ..ConnectEnv::default()
        };
        let error = load("prd", &env).expect_err("no such service");
        let message = format!(
            "{error}\n{}",
            error.hint(&HintTexts::default()).unwrap_or_default()
        );
        assert!(
            message.contains(".pg_service.conf") && message.contains("--service prod"),
            "{message}"
        );
    }

    #[test]
    fn the_user_file_precedes_the_system_file_and_a_named_file_must_exist() {
        let dir = tempfile::tempdir().expect("dir");
        std::fs::write(
            dir.path().join("pg_service.conf"),
            "[prod]\nhost=system\n[sys]\nhost=s\n",
        )
        .expect("write");
        std::fs::write(dir.path().join("mine"), "[prod]\nhost=mine\n").expect("write");
        let mut env = ConnectEnv {
            system_dirs: vec![dir.path().into()],
            ..ConnectEnv::default()
        };
        env.vars.insert(
            "PGSERVICEFILE".into(),
            dir.path().join("mine").display().to_string(),
        );
        assert_eq!(load("prod", &env).expect("prod").get("host"), Some("mine"));
        assert_eq!(load("sys", &env).expect("sys").get("host"), Some("s"));
        env.vars.insert("PGSERVICEFILE".into(), "/nowhere".into());
        assert!(
            load("prod", &env)
                .expect_err("missing")
                .to_string()
                .contains("/nowhere")
        );
    }
}
