//! Checks the server and the database.

use jiff::{SignedDuration, Timestamp};
use pg_connect::Session;
use sqern_db::check::{self, Checked};
use sqern_db::crawl::{self, Incomplete};
use sqern_db::distro::{self, Distro};
use sqern_db::doctor::{self as db, Role, Server};
use sqern_db::migrate::{self, OLDEST_SERVER, SchemaStatus};
use sqern_db::{AsOf, DbError};
use sqern_model::{DistroName, counted, join_some};
use tokio_postgres::Client;

use super::{Finding, Problem, State, clock};
use crate::Error;

const CONNECTION: &str = "connection";
const SERVER: &str = "server";
const ROLES: &str = "roles";
const SCHEMA: &str = "schema";
const JOURNAL: &str = "journal";
const LARGE_OBJECTS: &str = "large objects";
const CRAWL: &str = "crawl";

/// Above this age, the timer or cron job of `sqern check` probably does not run.
const STALE: SignedDuration = SignedDuration::from_hours(48);

/// The facts of the database that other checks require.
#[derive(Debug, Default)]
pub(super) struct DatabaseFacts {
    /// The supported distributions, or those of the request; `None` if the database cannot be read.
    pub(super) supported: Option<Vec<DistroName>>,
    /// Whether packages are listed that only apt can download.
    pub(super) needs_apt: bool,
}

/// Checks the database. Checks without their requirements are skipped. An empty list of
/// distributions selects the supported ones.
pub(super) async fn check(
    connection: Result<Session, Problem>,
    distros: &[DistroName],
    now: Timestamp,
) -> (Vec<Finding>, DatabaseFacts) {
    let session = match connection {
        Ok(session) => session,
        Err(problem) => {
            let mut findings = vec![Finding::problem(
                CONNECTION,
                &problem,
                "sqern local up  # or --service NAME",
            )];
            findings.extend(skipped(
                &[SERVER, clock::CHECK, ROLES, SCHEMA, JOURNAL, CRAWL],
                "requires a connection",
            ));
            return (findings, DatabaseFacts::default());
        }
    };
    let mut findings = vec![describe(&session).await];
    let facts = match check_session(&session.client, distros, now, &mut findings).await {
        Ok(facts) => facts,
        Err(error) => {
            findings.push(Finding::problem(
                "database",
                &Problem::from(&Error::from(error)),
                "sqern db status",
            ));
            DatabaseFacts::default()
        }
    };
    (findings, facts)
}

/// Describes the connection. Commands behave differently with a pooler: see
/// [`Session::is_pooled`].
async fn describe(session: &Session) -> Finding {
    let description = session.describe();
    match session.is_pooled().await {
        Ok(true) => Finding::ok(
            CONNECTION,
            format!("{description}, through a connection pooler"),
        ),
        // The next query reports the error.
        Ok(false) | Err(_) => Finding::ok(CONNECTION, description),
    }
}

/// Adds the findings in sequence, because some checks require the success of an earlier one.
async fn check_session(
    client: &Client,
    distros: &[DistroName],
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> Result<DatabaseFacts, DbError> {
    let server = db::server(client).await?;
    let version = check_server(&server);
    let is_old = version.state == State::Failed;
    findings.extend([
        version,
        clock::check("database server", server.now.duration_since(now)),
    ]);
    if is_old {
        findings.extend(skipped(
            &[ROLES, SCHEMA, JOURNAL, CRAWL],
            "requires a later version of the server",
        ));
        return Ok(DatabaseFacts::default());
    }
    let roles = check_roles(&server.user, &db::roles(client).await?);
    let can_read = roles.state != State::Failed;
    findings.push(roles);
    let schema = match migrate::status(client).await {
        Ok(status) => check_schema(&status),
        Err(_) if !can_read => Finding::skipped(SCHEMA, "requires read access"),
        Err(error) => return Err(error),
    };
    let is_usable = can_read && schema.state != State::Failed;
    findings.push(schema);
    if !is_usable {
        findings.extend(skipped(
            &[JOURNAL, CRAWL],
            "requires a usable schema and read access",
        ));
        return Ok(DatabaseFacts::default());
    }
    findings.push(check_journal(&check::check_quickly(client).await?));
    findings.extend(check_large_objects(
        &db::large_object_functions(client).await?,
    ));
    let mut recorded: Vec<Distro> = distro::list(client, &AsOf::Now).await?;
    let is_absent = |name: &&DistroName| !recorded.iter().any(|distro| distro.name == **name);
    let absent: Vec<String> = distros
        .iter()
        .filter(is_absent)
        .map(ToString::to_string)
        .collect();
    if !absent.is_empty() {
        let found = format!("{}: not in the database", join_some(&absent));
        findings.push(Finding::warning(CRAWL, found, "sqern distro import"));
    }
    recorded.retain(|distro| {
        if distros.is_empty() {
            distro.supported
        } else {
            distros.contains(&distro.name)
        }
    });
    let names: Vec<DistroName> = recorded.iter().map(|distro| distro.name.clone()).collect();
    // An empty list would select all distributions.
    let incomplete = if names.is_empty() {
        Vec::new()
    } else {
        crawl::incomplete(client, &names, None).await?
    };
    if distros.is_empty() && names.is_empty() {
        findings.push(Finding::warning(
            CRAWL,
            "no distribution is marked as supported",
            "sqern distro import",
        ));
    } else if !names.is_empty() {
        findings.extend(check_crawls(&recorded, &incomplete, now));
    }
    Ok(DatabaseFacts {
        supported: Some(names),
        needs_apt: db::lists_apt_packages(client).await?,
    })
}

fn skipped<'a>(checks: &'a [&'static str], reason: &'a str) -> impl Iterator<Item = Finding> + 'a {
    checks
        .iter()
        .map(move |check| Finding::skipped(check, reason))
}

/// Checks the version of the server.
fn check_server(server: &Server) -> Finding {
    let found = format!("PostgreSQL {}", server.version);
    if server.version_num >= OLDEST_SERVER {
        return Finding::ok(SERVER, found);
    }
    let oldest = OLDEST_SERVER / 10_000;
    Finding::failed(
        SERVER,
        format!("{found} is not supported, version {oldest} or later is required"),
        "sqern local up  # or use another server: --service NAME",
    )
}

/// Checks the version of the schema.
fn check_schema(status: &SchemaStatus) -> Finding {
    let SchemaStatus {
        version, latest, ..
    } = status;
    match status.check_usable() {
        Err(error) => Finding::failed(
            SCHEMA,
            error.to_string(),
            error.hint().unwrap_or_else(|| "sqern db status".into()),
        ),
        Ok(()) if version > latest => {
            let found = format!(
                "schema version {version} is newer than version {latest} of this program, which can use the schema but cannot migrate it"
            );
            Finding::warning(
                SCHEMA,
                found,
                "sqern --version  # then install a later version",
            )
        }
        Ok(()) => Finding::ok(SCHEMA, format!("version {version}, up to date")),
    }
}

/// Checks that the roles exist, and that the session can write.
fn check_roles(user: &str, roles: &[Role]) -> Finding {
    let names = |matches: fn(&Role) -> bool| {
        roles
            .iter()
            .filter(|role| matches(role))
            .map(|role| role.name.clone())
            .collect::<Vec<_>>()
    };
    let (missing, held) = (names(|role| !role.exists), names(|role| role.held));
    // Double quotes for PostgreSQL, single quotes for the shell.
    let grant = |role: &str| {
        format!("psql -c 'GRANT {role} TO \"{user}\"'  # as the owner of the database")
    };
    if !missing.is_empty() {
        Finding::failed(
            ROLES,
            format!("missing roles: {}", missing.join(", ")),
            "sqern db migrate  # as a role with CREATEROLE",
        )
    } else if held.is_empty() {
        Finding::failed(
            ROLES,
            format!("{user} is not a member of a sqern role and has no access"),
            grant("sqern_writer"),
        )
    } else if held == ["sqern_reader"] {
        Finding::warning(
            ROLES,
            format!(
                "{user} has read access only; fetch, build and cust load require sqern_writer, and check requires sqern_crawler"
            ),
            grant("sqern_writer"),
        )
    } else {
        Finding::ok(ROLES, format!("{user} is a member of {}", held.join(", ")))
    }
}

/// Checks that all changes are recorded in the journal, and that no role can modify it.
fn check_journal(checked: &[Checked]) -> Finding {
    let problems: Vec<String> = checked
        .iter()
        .flat_map(|rule| rule.problems.clone())
        .collect();
    if problems.is_empty() {
        return Finding::ok(
            JOURNAL,
            "all triggers are enabled, and no role can modify the journal",
        );
    }
    Finding::failed(
        JOURNAL,
        join_some(&problems),
        "sqern db check  # lists all problems",
    )
}

/// Reports that every role can store large objects. A migration by a superuser revokes the privilege.
fn check_large_objects(functions: &[String]) -> Option<Finding> {
    if functions.is_empty() {
        return None;
    }
    Some(Finding::warning(
        LARGE_OBJECTS,
        "every role can store large objects, which each dump of the database contains",
        format!(
            "psql -c 'REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC'  # as a superuser, in this database",
            functions.join(", ")
        ),
    ))
}

/// Checks the age and completeness of the last crawls of distributions.
fn check_crawls(distros: &[Distro], incomplete: &[Incomplete], now: Timestamp) -> Vec<Finding> {
    let age = |distro: &Distro| distro.checked_at.map(|at| now.duration_since(at));
    let mut findings = Vec::new();
    let names = |matches: &dyn Fn(Option<SignedDuration>) -> bool| -> Vec<String> {
        distros
            .iter()
            .filter(|distro| matches(age(distro)))
            .map(|distro| distro.name.to_string())
            .collect()
    };
    let (never, stale) = (
        names(&|age| age.is_none()),
        names(&|age| age.is_some_and(|age| age > STALE)),
    );
    let hint = "sqern check  # every few hours: systemctl enable --now sqern-check.timer";
    if !never.is_empty() {
        findings.push(Finding::warning(
            CRAWL,
            format!("{}: never checked", join_some(&never)),
            hint,
        ));
    }
    if !stale.is_empty() {
        let found = format!(
            "{}: not checked for {} hours",
            join_some(&stale),
            STALE.as_hours()
        );
        findings.push(Finding::warning(CRAWL, found, hint));
    }
    for source in incomplete {
        let found = format!(
            "source {} ({} at the last check): {}",
            source.source, source.state, source.reason
        );
        findings.push(
            Finding::warning(CRAWL, found, format!("sqern source test {}", source.distro))
                .about(source.distro.as_str()),
        );
    }
    match distros.iter().filter_map(age).max() {
        Some(oldest) if findings.is_empty() => {
            let found = format!(
                "{}, oldest check {} ago",
                counted(distros.len(), "distribution"),
                ago(oldest)
            );
            vec![Finding::ok(CRAWL, found)]
        }
        _ => findings,
    }
}

/// Formats a duration in minutes, hours or days.
fn ago(age: SignedDuration) -> String {
    match age.as_hours() {
        ..1 => format!("{} min", age.as_mins().max(0)),
        hours @ 1..48 => format!("{hours} h"),
        hours => counted(hours / 24, "day"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests;
