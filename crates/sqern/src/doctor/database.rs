//! Checks the server and the database.

use jiff::{SignedDuration, Timestamp};
use sqern_db::check::Checked;
use sqern_db::crawl::Incomplete;
use sqern_db::distro::Distro;
use sqern_db::doctor::{Role, Server};
use sqern_db::migrate::{OLDEST_SERVER, SchemaStatus};
use sqern_model::counted;

use super::{Finding, some_of};

/// Above this age, the timer or cron job of `sqern check` probably does not run.
const STALE: SignedDuration = SignedDuration::from_hours(48);

/// Checks the version of the server.
#[must_use]
pub fn server(server: &Server) -> Finding {
    const CHECK: &str = "server";
    let found = format!("PostgreSQL {}", server.version);
    if server.version_num >= OLDEST_SERVER {
        return Finding::ok(CHECK, found);
    }
    let oldest = OLDEST_SERVER / 10_000;
    Finding::failed(
        CHECK,
        format!("{found} is not supported, version {oldest} or later is required"),
        "sqern local up  # or use another server: --service NAME",
    )
}

/// Checks the version of the schema.
#[must_use]
pub fn schema(status: &SchemaStatus) -> Finding {
    const CHECK: &str = "schema";
    let SchemaStatus { version, latest, .. } = status;
    match status.check_usable() {
        Err(error) => Finding::failed(CHECK, error.to_string(), error.hint().unwrap_or_else(|| "sqern db status".into())),
        Ok(()) if version > latest => {
            let found =
                format!("version {version} is newer than version {latest} of this program, which can use it, but not migrate it");
            Finding::warning(CHECK, found, "sqern --version  # then install a later version")
        }
        Ok(()) => Finding::ok(CHECK, format!("version {version}, up to date")),
    }
}

/// Checks that the roles exist, and that the session can write.
#[must_use]
pub fn roles(user: &str, roles: &[Role]) -> Finding {
    const CHECK: &str = "roles";
    let names =
        |wanted: fn(&Role) -> bool| roles.iter().filter(|role| wanted(role)).map(|role| role.name.clone()).collect::<Vec<_>>();
    let (missing, held) = (names(|role| !role.exists), names(|role| role.held));
    // Double quotes for PostgreSQL, single ones for the shell.
    let grant = |role: &str| format!("psql -c 'GRANT {role} TO \"{user}\"'  # as the owner of the database");
    if !missing.is_empty() {
        Finding::failed(CHECK, format!("missing roles: {}", missing.join(", ")), "sqern db migrate  # as a role with CREATEROLE")
    } else if held.is_empty() {
        Finding::failed(CHECK, format!("{user} is not a member of a sqern role and has no access"), grant("sqern_writer"))
    } else if held == ["sqern_reader"] {
        Finding::warning(
            CHECK,
            format!("{user} has read access only; check, fetch, build and cust load require sqern_writer"),
            grant("sqern_writer"),
        )
    } else {
        Finding::ok(CHECK, format!("{user} is a member of {}", held.join(", ")))
    }
}

/// Checks that all changes are recorded in the journal, and that no role can modify it.
#[must_use]
pub fn journal(checked: &[Checked]) -> Finding {
    const CHECK: &str = "journal";
    let problems: Vec<String> = checked.iter().flat_map(|rule| rule.problems.clone()).collect();
    if problems.is_empty() {
        return Finding::ok(CHECK, "all triggers are enabled, and no role can modify the journal");
    }
    Finding::failed(CHECK, some_of(&problems), "sqern db check  # lists all problems")
}

/// Checks the age and completeness of the last crawls.
#[must_use]
pub fn crawls(supported: &[Distro], incomplete: &[Incomplete], now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "crawl";
    if supported.is_empty() {
        return vec![Finding::warning(CHECK, "no distribution is supported", "sqern distro import")];
    }
    let age = |distro: &Distro| distro.checked_at.map(|at| now.duration_since(at));
    let mut findings = Vec::new();
    let names = |wanted: &dyn Fn(Option<SignedDuration>) -> bool| -> Vec<String> {
        supported.iter().filter(|distro| wanted(age(distro))).map(|distro| distro.name.to_string()).collect()
    };
    let (never, stale) = (names(&|age| age.is_none()), names(&|age| age.is_some_and(|age| age > STALE)));
    let hint = "sqern check  # every few hours: systemctl enable --now sqern-check.timer";
    if !never.is_empty() {
        findings.push(Finding::warning(CHECK, format!("{}: never checked", some_of(&never)), hint));
    }
    if !stale.is_empty() {
        let found = format!("{}: not checked for {} hours", some_of(&stale), STALE.as_hours());
        findings.push(Finding::warning(CHECK, found, hint));
    }
    for source in incomplete {
        let found = format!("source {} ({} at the last check): {}", source.source, source.state, source.reason);
        findings
            .push(Finding::warning(CHECK, found, format!("sqern source test {}", source.distro)).about(source.distro.as_str()));
    }
    match supported.iter().filter_map(age).max() {
        Some(oldest) if findings.is_empty() => {
            let found = format!("{}, oldest check {} ago", counted(supported.len(), "distribution"), ago(oldest));
            vec![Finding::ok(CHECK, found)]
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
#[allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]
mod tests;
