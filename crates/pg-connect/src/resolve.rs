//! Which server is meant: the order of precedence of libpq's manual, 34.1.2 and 34.15.

use super::env::{ConnectEnv, ConnectRequest};
use super::error::ConnectError;
use super::params::Params;
use super::target::{Origin, Target};
use super::{conninfo, service, uri};
use pg_local as local;

/// Any of these names a server or a database; without them and without a request the private local server is meant.
const NAMING: [&str; 5] = ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE"];

/// Finds out which server is meant, opening no connection.
///
/// A parameter comes from the first that has it: the connection string, the service (`--service`, `service=` in the string,
/// or `PGSERVICE`), the environment, the default. Nothing named at all: the private local server in
/// [`ConnectEnv::local_dir`], if it runs. Errors: whatever can't be read or understood, with the place.
pub fn resolve(request: &ConnectRequest, env: &ConnectEnv) -> Result<Target, ConnectError> {
    if request.service.is_some() && request.dsn.is_some() {
        return Err(ConnectError::BothGiven);
    }
    let (mut params, mut origin) = explicit(request, env)?;
    let service = request.service.clone().or_else(|| params.take("service")).or_else(|| env.var("PGSERVICE").map(Into::into));
    if let Some(name) = service {
        params.fill_from(service::load(&name, env)?);
        origin = Origin::Service(name);
    }
    params.fill_from(Params::from_env(env)?);
    Target::new(&params, env, origin)
}

/// What the request or, failing that, the private local server says.
fn explicit(request: &ConnectRequest, env: &ConnectEnv) -> Result<(Params, Origin), ConnectError> {
    if let Some(dsn) = &request.dsn {
        let params = if uri::is_uri(dsn) { uri::parse(dsn) } else { conninfo::parse(dsn) }?;
        if !params.is_empty() {
            return Ok((params, Origin::Dsn));
        }
    }
    if request.service.is_some() || NAMING.iter().any(|name| env.var(name).is_some()) {
        return Ok((Params::default(), Origin::Environment));
    }
    match env.local_dir.as_deref().and_then(local::running_endpoint) {
        Some(endpoint) => Ok((local_params(&endpoint), Origin::Local)),
        None => Err(ConnectError::NothingNamed { local_dir: env.local_dir.clone() }),
    }
}

fn local_params(endpoint: &local::Endpoint) -> Params {
    Params::from([
        ("host", endpoint.socket_dir.display().to_string()),
        ("port", endpoint.port.to_string()),
        ("dbname", local::DATABASE.to_owned()),
        ("user", local::ROLE.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;
    use crate::secret::Secret;
    use crate::target::{Place, SessionAttrs};
    use crate::tls::{SslMode, TrustedRoots};

    /// An environment of the given variables, with no file anywhere.
    fn env(vars: &[(&str, &str)]) -> ConnectEnv {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let user_name = Some("me".to_owned());
        ConnectEnv { vars, user_name, system_dirs: vec![], socket_dirs: vec!["/tmp".into()], ..ConnectEnv::default() }
    }

    fn dsn(text: &str, vars: &[(&str, &str)]) -> Target {
        resolve(&ConnectRequest::dsn(text), &env(vars)).expect(text)
    }

    #[test]
    fn the_connection_string_goes_before_the_service_and_that_before_the_environment() {
        let dir = tempfile::tempdir().expect("dir");
        fs::write(dir.path().join("services"), "[s]\nhost=from-service\ndbname=from-service\n").expect("write");
        let mut env = env(&[("PGHOST", "from-env"), ("PGUSER", "from-env"), ("PGDATABASE", "from-env")]);
        env.vars.insert("PGSERVICEFILE".into(), dir.path().join("services").display().to_string());
        let target = resolve(&ConnectRequest::dsn("service=s dbname=from-dsn"), &env).expect("resolves");
        let place = Place::Tcp { name: "from-service".into(), addr: None };
        assert_eq!((&target.hosts[0].place, &*target.dbname, &*target.user), (&place, "from-dsn", "from-env"));
        assert_eq!(target.origin, Origin::Service("s".into()));
        env.vars.insert("PGSERVICE".into(), "s".into());
        let target = resolve(&ConnectRequest::default(), &env).expect("resolves");
        assert_eq!((&target.hosts[0].place, &*target.dbname), (&place, "from-service"));
    }

    #[test]
    fn defaults_are_libpqs() {
        let target = dsn("application_name=x", &[]);
        assert_eq!(target.hosts[0].place, Place::Socket("/tmp".into()));
        assert_eq!((target.hosts[0].port, &*target.user, &*target.dbname), (5432, "me", "me"));
        assert_eq!(target.tls.mode, SslMode::Prefer);
        assert_eq!(target.connect_timeout, Some(Duration::from_secs(30)));
        assert_eq!(dsn("connect_timeout=0", &[]).connect_timeout, None);
        assert_eq!(dsn("host=a", &[]).application_name, "sqern");
        assert_eq!(dsn("user=u", &[]).dbname, "u");
    }

    #[test]
    fn nothing_named_means_the_local_server() {
        let error = resolve(&ConnectRequest::default(), &env(&[("PGUSER", "u")])).expect_err("no local server");
        assert!(error.hint().unwrap_or_default().contains("sqern init"), "{error}");
        assert!(resolve(&ConnectRequest::default(), &env(&[("PGDATABASE", "d")])).is_ok());
    }

    #[test]
    fn lists_of_hosts_pair_with_ports_and_addresses() {
        let target = dsn("host=a,/run/b,c port=1,,3 hostaddr=", &[]);
        let shown: Vec<_> = target.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["host a, port 1", "socket /run/b, port 5432", "host c, port 3"]);
        assert_eq!(dsn("host=a,b port=7", &[]).hosts[1].port, 7);
        let target = dsn("host=a hostaddr=::1", &[]);
        assert_eq!(target.hosts[0].place, Place::Tcp { name: "a".into(), addr: Some("::1".parse().expect("address")) });
    }

    #[test]
    fn values_out_of_range_say_what_was_expected() {
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
            let error = resolve(&ConnectRequest::dsn(text), &env(&[])).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains("expected"), "{text}: {error}");
        }
    }

    #[test]
    fn an_existing_root_certificate_makes_require_verify() {
        let home = tempfile::tempdir().expect("dir");
        let mut env = env(&[]);
        env.home = Some(home.path().into());
        let request = ConnectRequest::dsn("host=a sslmode=require");
        let roots = resolve(&request, &env).expect("resolves").tls.roots;
        assert!(matches!(roots, TrustedRoots::Missing(Some(_))), "{roots:?}");
        fs::create_dir(home.path().join(".postgresql")).expect("dir");
        fs::write(home.path().join(".postgresql/root.crt"), "").expect("write");
        assert!(matches!(resolve(&request, &env).expect("resolves").tls.roots, TrustedRoots::File(_)));
        let system = dsn("host=a sslrootcert=system", &[]);
        assert_eq!((system.tls.mode, system.tls.roots), (SslMode::VerifyFull, TrustedRoots::System));
    }

    #[test]
    fn a_password_comes_from_the_file_for_each_host_and_is_never_shown() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("pass");
        fs::write(&file, "a:*:*:*:secret-a\nlocalhost:5432:*:*:secret-l\n").expect("write");
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("mode");
        let target = dsn("host=a,b,/tmp", &[("PGPASSFILE", &file.display().to_string())]);
        let found: Vec<_> = target.hosts.iter().map(|host| host.password.as_ref().map(Secret::reveal)).collect();
        assert_eq!(found, [Some("secret-a"), None, Some("secret-l")]);
        assert_eq!(dsn("host=a password=given", &[]).hosts[0].password.as_ref().map(Secret::reveal), Some("given"));
        assert!(!format!("{target:?} {}", target.describe()).contains("secret"));
    }

    #[test]
    fn target_session_attrs_has_six_values() {
        let cases = [("any", SessionAttrs::Any), ("read-write", SessionAttrs::ReadWrite), ("standby", SessionAttrs::Standby)];
        for (text, expected) in cases {
            assert_eq!(dsn("host=a", &[("PGTARGETSESSIONATTRS", text)]).session_attrs, expected);
        }
    }
}
