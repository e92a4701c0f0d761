//! What is asked of the database, as far as it can be had.

use sqern_db::distro::Distro;
use sqern_db::{AsOf, check, crawl, distro, doctor as db, migrate};
use sqern_model::DistroName;
use tokio_postgres::Client;

use super::super::Context;
use crate::doctor::{Finding, State, clock, database as rules};
use crate::failure::Failure;

/// What the rest of the checks wants to know of the database.
#[derive(Default)]
pub(super) struct Known {
    /// The supported distributions; `None` if the database cannot be read.
    pub(super) supported: Option<Vec<DistroName>>,
    /// Whether packages are listed that only apt can fetch.
    pub(super) needs_apt: bool,
}

/// Looks at all that needs a connection; what needs more than there is, is skipped. `named` are the distributions to look at, all that are
/// supported when there are none.
pub(super) async fn look(named: &[DistroName], context: &Context<'_>) -> (Vec<Finding>, Known) {
    let session = match context.try_connect().await {
        Ok(session) => session,
        Err(error) => {
            let mut findings = vec![Finding::of_failure("connection", &error.into(), "sqern local up  # or --service NAME")];
            let rest = ["server", "clock", "roles", "schema", "journal", "crawl"];
            findings.extend(rest.map(|check| Finding::skipped(check, "requires a connection")));
            return (findings, Known::default());
        }
    };
    let mut findings = vec![Finding::ok("connection", session.describe())];
    let mut known = Known::default();
    if let Err(failure) = ask(&session.client, named, context, &mut findings, &mut known).await {
        findings.push(Finding::of_failure("database", &failure, "sqern db status"));
    }
    (findings, known)
}

/// Asks one thing after the other, each with what the one before found.
async fn ask(
    client: &Client,
    wanted: &[DistroName],
    context: &Context<'_>,
    findings: &mut Vec<Finding>,
    known: &mut Known,
) -> Result<(), Failure> {
    let server = db::server(client).await?;
    let version = rules::server(&server);
    let is_old = version.state == State::Failed;
    findings.extend([version, clock::judge("database server", server.now.duration_since(context.settings.now()))]);
    if is_old {
        findings.extend(
            ["roles", "schema", "journal", "crawl"]
                .map(|check| Finding::skipped(check, "requires a later version of the server")),
        );
        return Ok(());
    }
    let roles = rules::roles(&server.user, &db::roles(client).await?);
    let may_read = roles.state != State::Failed;
    findings.push(roles);
    let schema = match migrate::status(client).await {
        Ok(status) => rules::schema(&status),
        Err(_) if !may_read => Finding::skipped("schema", "requires read access"),
        Err(error) => return Err(error.into()),
    };
    let can_go_on = may_read && schema.state != State::Failed;
    findings.push(schema);
    if !can_go_on {
        findings.extend(["journal", "crawl"].map(|check| Finding::skipped(check, "requires a usable schema and read access")));
        return Ok(());
    }
    findings.push(rules::journal(&check::check_quickly(client).await?));
    let mut distros: Vec<Distro> = distro::list(client, &AsOf::Now).await?;
    distros.retain(|distro| if wanted.is_empty() { distro.supported } else { wanted.contains(&distro.name) });
    let names: Vec<DistroName> = distros.iter().map(|distro| distro.name.clone()).collect();
    // An empty list would mean all of them.
    let incomplete = if names.is_empty() { Vec::new() } else { crawl::incomplete(client, &names, None).await? };
    findings.extend(rules::crawls(&distros, &incomplete, context.settings.now()));
    *known = Known { supported: Some(names), needs_apt: db::lists_apt_packages(client).await? };
    Ok(())
}
