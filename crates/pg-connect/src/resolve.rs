//! The order of precedence of parameters: libpq's manual, 34.1.2 and 34.15.

use super::env::{ConnectEnv, ConnectRequest};
use super::error::ConnectError;
use super::params::Params;
use super::target::{Origin, Target};
use super::{conninfo, service, uri};

/// The variables that select a server or a database. If none is set, a request without parameters
/// uses the default server.
const SERVER_VARIABLES: [&str; 5] = ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE"];

/// Returns the server of a request. Reads files, but opens no connection.
///
/// The first of these that sets a parameter determines its value:
///
/// 1. the connection string;
/// 2. the service of the request, of `service=` in the string, or of `PGSERVICE`;
/// 3. the environment;
/// 4. the default of libpq.
///
/// If neither the request nor the environment selects a server or a database,
/// [`ConnectEnv::default_server`] is used.
///
/// # Errors
///
/// Returns an error with its location if a parameter or file is invalid, or if the default server
/// is not running.
pub fn resolve(request: &ConnectRequest, env: &ConnectEnv) -> Result<Target, ConnectError> {
    if request.service.is_some() && request.dsn.is_some() {
        return Err(ConnectError::ServiceAndDsn);
    }
    let (mut params, mut origin) = primary_params(request, env)?;
    let service = request
        .service
        .clone()
        .or_else(|| params.remove("service"))
        .or_else(|| env.var("PGSERVICE").map(Into::into));
    if let Some(name) = service {
        params.fill_from(service::load(&name, env)?);
        origin = Origin::Service(name);
    }
    params.fill_from(Params::from_env(env)?);
    Target::new(&params, env, origin)
}

/// Returns the parameters of the connection string, or of the default server if no server is
/// selected.
fn primary_params(
    request: &ConnectRequest,
    env: &ConnectEnv,
) -> Result<(Params, Origin), ConnectError> {
    if let Some(dsn) = &request.dsn {
        let params = parse_dsn(dsn)?;
        if !params.is_empty() {
            return Ok((params, Origin::Dsn));
        }
    }
    if request.service.is_some() || SERVER_VARIABLES.iter().any(|name| env.var(name).is_some()) {
        return Ok((Params::default(), Origin::Environment));
    }
    let Some(server) = &env.default_server else {
        return Ok((Params::default(), Origin::Environment));
    };
    let description = server.description().to_owned();
    match server.locate() {
        Some(dsn) => Ok((parse_dsn(&dsn)?, Origin::DefaultServer(description))),
        None => Err(ConnectError::NoServerSpecified {
            default_server: description,
        }),
    }
}

fn parse_dsn(dsn: &str) -> Result<Params, ConnectError> {
    if uri::is_uri(dsn) {
        uri::parse(dsn)
    } else {
        conninfo::parse(dsn)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;
    use crate::env::DefaultServer;
    use crate::secret::Secret;
    use crate::target::{Address, SessionAttrs};
    use crate::tls::{SslMode, TrustedRoots};

    /// Returns an environment with these variables and without files.
    fn env(vars: &[(&str, &str)]) -> ConnectEnv {
        let vars = vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let user_name = Some("me".to_owned());
        ConnectEnv {
            vars,
            user_name,
            system_dirs: vec![],
            socket_dirs: vec!["/tmp".into()],
            ..ConnectEnv::default()
        }
    }

    fn dsn(text: &str, vars: &[(&str, &str)]) -> Target {
        resolve(&ConnectRequest::dsn(text), &env(vars)).expect(text)
    }

    #[test]
    fn the_dsn_overrides_the_service_which_overrides_the_environment() {
        let dir = tempfile::tempdir().expect("dir");
        fs::write(
            dir.path().join("services"),
            "[s]\nhost=from-service\ndbname=from-service\n",
        )
        .expect("write");
        let mut env = env(&[
            ("PGHOST", "from-env"),
            ("PGUSER", "from-env"),
            ("PGDATABASE", "from-env"),
        ]);
        env.vars.insert(
            "PGSERVICEFILE".into(),
            dir.path().join("services").display().to_string(),
        );
        let target =
            resolve(&ConnectRequest::dsn("service=s dbname=from-dsn"), &env).expect("resolves");
        let address = Address::Tcp {
            name: "from-service".into(),
            addr: None,
        };
        assert_eq!(
            (&target.hosts[0].address, &*target.dbname, &*target.user),
            (&address, "from-dsn", "from-env")
        );
        assert_eq!(target.origin, Origin::Service("s".into()));
        env.vars.insert("PGSERVICE".into(), "s".into());
        let target = resolve(&ConnectRequest::default(), &env).expect("resolves");
        assert_eq!(
            (&target.hosts[0].address, &*target.dbname),
            (&address, "from-service")
        );
    }

    #[test]
    fn defaults_are_those_of_libpq() {
        let target = dsn("application_name=x", &[]);
        assert_eq!(target.hosts[0].address, Address::Socket("/tmp".into()));
        assert_eq!(
            (target.hosts[0].port, &*target.user, &*target.dbname),
            (5432, "me", "me")
        );
        assert_eq!(target.tls.mode, SslMode::Prefer);
        assert_eq!(target.connect_timeout, Some(Duration::from_secs(30)));
        assert_eq!(dsn("connect_timeout=0", &[]).connect_timeout, None);
        assert_eq!(dsn("host=a", &[]).application_name, "");
        assert_eq!(dsn("user=u", &[]).dbname, "u");
    }

    #[test]
    fn the_default_server_is_used_if_no_server_is_named() {
        let request = ConnectRequest::default();
        let env = env(&[("PGUSER", "u")]);
        assert_eq!(
            resolve(&request, &env)
                .expect("the defaults of libpq")
                .origin,
            Origin::Environment
        );
        let with = |dsn: Option<&str>| {
            let dsn = dsn.map(str::to_owned);
            ConnectEnv {
                default_server: Some(DefaultServer::new("the test server", move || dsn.clone())),
                ..env.clone()
            }
        };
        let target =
            resolve(&request, &with(Some("host=/run/private dbname=app"))).expect("resolves");
        assert_eq!(
            target.describe(),
            "the test server (socket /run/private, port 5432, database app, user u)"
        );
        let error = resolve(&request, &with(None)).expect_err("not running");
        assert_eq!(
            error.to_string(),
            "no database server is specified, and the test server is not running"
        );
        assert!(error.is_transient());
        let mut named = with(None);
        named.vars.insert("PGDATABASE".into(), "d".into());
        assert!(resolve(&request, &named).is_ok());
    }

    #[test]
    fn hosts_ports_and_addresses_are_paired_by_position() {
        let target = dsn("host=a,/run/b,c port=1,,3 hostaddr=", &[]);
        let descriptions: Vec<_> = target.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(
            descriptions,
            [
                "host a, port 1",
                "socket /run/b, port 5432",
                "host c, port 3"
            ]
        );
        assert_eq!(dsn("host=a,b port=7", &[]).hosts[1].port, 7);
        let target = dsn("host=a hostaddr=::1", &[]);
        assert_eq!(
            target.hosts[0].address,
            Address::Tcp {
                name: "a".into(),
                addr: Some("::1".parse().expect("address"))
            }
        );
    }

    #[test]
    fn errors_of_invalid_values_name_the_valid_values() {
        let cases = [
            ("host=a,b port=1,2,3", "port"),
            ("host=a port=0", "port"),
            ("host=a port=65536", "port"),
            ("host=a,b hostaddr=::1", "hostaddr"),
            ("hostaddr=db1", "hostaddr"),
            ("host=a sslmode=verify", "sslmode"),
            ("host=a target_session_attrs=master", "target_session_attrs"),
            ("host=a connect_timeout=soon", "connect_timeout"),
            ("host=a gssencmode=require", "gssencmode"),
            ("host=a sslrootcert=system sslmode=require", "verify-full"),
            ("host=a sslnegotiation=direct", "sslmode"),
            ("host=@abstract", "host"),
        ];
        for (text, expected) in cases {
            let error = resolve(&ConnectRequest::dsn(text), &env(&[]))
                .expect_err(text)
                .to_string();
            assert!(
                error.contains(expected) && error.contains("expected"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn an_existing_root_certificate_is_used_by_sslmode_require() {
        let home = tempfile::tempdir().expect("dir");
        let mut env = env(&[]);
        env.home = Some(home.path().into());
        let request = ConnectRequest::dsn("host=a sslmode=require");
        let roots = resolve(&request, &env).expect("resolves").tls.roots;
        assert!(matches!(roots, TrustedRoots::Missing(Some(_))), "{roots:?}");
        fs::create_dir(home.path().join(".postgresql")).expect("dir");
        fs::write(home.path().join(".postgresql/root.crt"), "").expect("write");
        assert!(matches!(
            resolve(&request, &env).expect("resolves").tls.roots,
            TrustedRoots::File(_)
        ));
        let system = dsn("host=a sslrootcert=system", &[]);
        assert_eq!(
            (system.tls.mode, system.tls.roots),
            (SslMode::VerifyFull, TrustedRoots::System)
        );
    }

    #[test]
    fn each_host_has_its_password_of_the_file_which_is_never_printed() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("pass");
        fs::write(&file, "a:*:*:*:secret-a\nlocalhost:5432:*:*:secret-l\n").expect("write");
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("mode");
        let target = dsn(
            "host=a,b,/tmp",
            &[("PGPASSFILE", &file.display().to_string())],
        );
        let found: Vec<_> = target
            .hosts
            .iter()
            .map(|host| host.password.as_ref().map(Secret::reveal))
            .collect();
        assert_eq!(found, [Some("secret-a"), None, Some("secret-l")]);
        assert_eq!(
            dsn("host=a password=given", &[]).hosts[0]
                .password
                .as_ref()
                .map(Secret::reveal),
            Some("given")
        );
        assert!(!format!("{target:?} {}", target.describe()).contains("secret"));
    }

    #[test]
    fn target_session_attrs_is_read_from_the_environment() {
        let cases = [
            ("any", SessionAttrs::Any),
            ("read-write", SessionAttrs::ReadWrite),
            ("standby", SessionAttrs::Standby),
        ];
        for (text, expected) in cases {
            assert_eq!(
                dsn("host=a", &[("PGTARGETSESSIONATTRS", text)]).session_attrs,
                expected
            );
        }
    }
}
