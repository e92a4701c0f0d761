//! `sqern report`: the reports coverage, risk, lag and activity.

mod give;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use sqern_core::customers::KnownNames;
use sqern_db::as_of::snapshot;
use sqern_db::risk::{self as db_risk, RiskFilter};
use sqern_db::status::{self, StatusFilter};
use sqern_db::{AsOf, available, cust, new as db_activity};
use sqern_model::{At, ClusterName, DistroName, TypeWord};
use tokio_postgres::Transaction;

use self::give::{Give, HtmlArgs};
use super::Context;
use super::at::{AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::reports::html::Table;
use crate::reports::{activity, coverage, lag, risk};

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// Count the kernels of each distribution by stage
    ///
    /// Each kernel counts once, at the furthest stage that it has reached: known, seen, fetched, built, tested or available.
    /// Ignored and archived kernels are counted separately.
    #[command(after_help = "Examples:
  sqern report coverage
  sqern report coverage --distro debian12 --kernels     # the counted kernels
  sqern report coverage --target sp-prod --at 2026-05-01 --csv
  sqern report coverage --html coverage.html")]
    Coverage {
        /// List the kernels instead of summaries
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        of: OfArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// List hosts whose running or newest kernel has no available module
    ///
    /// The list is ordered by cluster type and number of hosts. Ignored and archived kernels come last within a type and put no host at
    /// risk.
    #[command(after_help = "Columns:
  running  number of hosts that run the kernel
  newest   number of hosts that run another kernel, but have this one as their newest
  missing  missing step
  since    start of the state of the missing step

Examples:
  sqern report risk
  sqern report risk --target sp-prod --type production
  sqern report risk --hosts --cluster acme-1            # the counted hosts
  sqern report risk --at 2026-05-01 --json")]
    Risk {
        /// List the hosts instead of summaries
        #[arg(long)]
        hosts: bool,
        /// Cluster (repeatable) [default: all]
        #[arg(long = "cluster", value_name = "NAME")]
        clusters: Vec<ClusterName>,
        /// Cluster type, by name or number (repeatable) [default: all]
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        #[command(flatten)]
        of: OfArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Report how long kernels take from seen to fetched, built, tested and available
    ///
    /// Each row contains the median, the 90th percentile and the maximum duration of a step in hours, and the number of kernels that wait for
    /// the step. Only wanted kernels count. A kernel is built or tested when its first successful build or test run starts.
    #[command(after_help = "Examples:
  sqern report lag
  sqern report lag --distro debian12 --months           # also grouped by month (UTC)
  sqern report lag --kernels --csv                      # the counted kernels")]
    Lag {
        /// Also group by the month in which kernels were first seen
        #[arg(long, conflicts_with = "kernels")]
        months: bool,
        /// List the kernels instead of summaries
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        of: OfArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Count the kernels that changed stage since a generation or a time
    ///
    /// Each row contains a generation of the journal and the numbers of its kernels that became known, seen, fetched, built, tested,
    /// available or withdrawn.
    #[command(after_help = "Examples:
  sqern report activity --since 2026-05-01
  sqern report activity --since 1200 --distro debian12 --kernels
  sqern report activity --since 2026-05-01 --at 2026-06-01 --html may.html")]
    Activity {
        /// Consider only changes after this generation or time
        #[arg(long, value_name = "GENERATION|TIME")]
        since: At,
        /// List the kernels instead of summaries
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        common: CommonArgs,
    },
}

/// Selects the builds and the available modules to consider.
#[derive(Debug, Clone, Args)]
pub(super) struct OfArgs {
    /// Consider only this release target [default: all]
    #[arg(long, value_name = "TARGET", value_parser = NonEmptyStringValueParser::new())]
    pub(super) target: Option<String>,
    /// Consider only this revision [default: all]
    #[arg(long, value_name = "REVISION", value_parser = NonEmptyStringValueParser::new())]
    pub(super) revision: Option<String>,
}

impl OfArgs {
    /// Returns an error if the revision or the target does not exist.
    pub(super) async fn require(&self, transaction: &Transaction<'_>) -> Result<(), Failure> {
        Ok(available::require(transaction, self.revision.as_deref(), self.target.as_deref()).await?)
    }
}

/// Options that all reports share.
#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    #[command(flatten)]
    at: AtArgs,
    #[command(flatten)]
    html: HtmlArgs,
}

impl CommonArgs {
    /// Returns the requested state and its metadata.
    async fn begin(&self, transaction: &Transaction<'_>) -> Result<(AsOf, Frame), Failure> {
        let as_of = self.at.resolve(transaction).await?;
        sqern_db::distro::require(transaction, &self.distros, &as_of).await?;
        let data = as_of.state(transaction).await?;
        let frame = self.at.upstream(transaction, &as_of, &self.distros).await?.of_data(data);
        Ok((as_of, frame))
    }

    fn statuses(&self, of: &OfArgs, with_hosts: bool) -> StatusFilter {
        let OfArgs { target, revision } = of.clone();
        StatusFilter { distros: self.distros.clone(), target, revision, with_hosts, ..StatusFilter::default() }
    }
}

pub(super) async fn run(command: ReportCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    let common = command.common();
    common.html.require_alone(context)?;
    let mut session = context.open().await?;
    let transaction = snapshot(&mut session.client).await?;
    let (as_of, frame) = common.begin(&transaction).await?;
    let give = Give { context, frame: &frame, html: &common.html };
    let asked = Asked { transaction: &transaction, as_of: &as_of, give, common };
    match &command {
        ReportCommand::Coverage { kernels, of, .. } => asked.coverage(*kernels, of).await?,
        ReportCommand::Risk { hosts, clusters, types, of, .. } => asked.risk(*hosts, clusters, types, of).await?,
        ReportCommand::Lag { months, kernels, of, .. } => asked.lag(*months, *kernels, of).await?,
        ReportCommand::Activity { since, kernels, .. } => asked.activity(*since, *kernels).await?,
    }
    Ok(Exit::Done)
}

/// A report that is asked for: of which state, and how it is given.
struct Asked<'a> {
    transaction: &'a Transaction<'a>,
    as_of: &'a AsOf,
    give: Give<'a>,
    common: &'a CommonArgs,
}

impl Asked<'_> {
    async fn coverage(&self, kernels: bool, of: &OfArgs) -> Result<(), Failure> {
        let Self { transaction, as_of, give, common } = self;
        of.require(transaction).await?;
        let all = status::list(transaction, &common.statuses(of, kernels || common.html.is_wanted()), as_of).await?;
        let counts = coverage::coverage(&all);
        give.page(
            "Coverage",
            vec![],
            || coverage::heat_map(&counts),
            || vec![Table::of("Kernels of each distribution", &counts), Table::of("Kernels", &all)],
        )?;
        if kernels { give.list(&all, &()) } else { give.list(&counts, &()) }
    }

    async fn risk(&self, hosts: bool, clusters: &[ClusterName], types: &[String], of: &OfArgs) -> Result<(), Failure> {
        let Self { transaction, as_of, give, common } = self;
        for cluster in clusters {
            cust::get(*transaction, cluster, as_of).await?;
        }
        of.require(transaction).await?;
        let OfArgs { target, revision } = of.clone();
        let filter = RiskFilter {
            target,
            revision,
            distros: common.distros.clone(),
            clusters: clusters.to_vec(),
            types: type_numbers(transaction, types, as_of).await?,
            with_hosts: hosts || common.html.is_wanted(),
        };
        let found = db_risk::risk(transaction, &filter, as_of).await?;
        let types = risk::types(&found);
        let about = risk::describe(&types);
        give.page(
            "Hosts at risk",
            vec![about.clone()],
            || risk::heat_map(&found),
            || vec![Table::of("Kernels by cluster type", &risk::kernels(&found)), Table::of("Hosts", &risk::hosts(&found))],
        )?;
        let more = risk::About { target: filter.target, revision: filter.revision, types };
        if hosts { give.list(&risk::hosts(&found), &more) } else { give.list(&risk::kernels(&found), &more) }?;
        give.context.printer.note(&about);
        Ok(())
    }

    async fn lag(&self, months: bool, kernels: bool, of: &OfArgs) -> Result<(), Failure> {
        let Self { transaction, as_of, give, common } = self;
        of.require(transaction).await?;
        let all = status::list(transaction, &common.statuses(of, false), as_of).await?;
        give.page(
            "Time from seen to available",
            vec![],
            || lag::heat_map(&all),
            || {
                vec![
                    Table::of("By distribution", &lag::lags(&all, false)),
                    Table::of("By distribution and month", &lag::lags(&all, true)),
                    Table::of("Kernels", &lag::kernels(&all)),
                ]
            },
        )?;
        if kernels { give.list(&lag::kernels(&all), &()) } else { give.list(&lag::lags(&all, months), &()) }
    }

    async fn activity(&self, since: At, kernels: bool) -> Result<(), Failure> {
        let Self { transaction, as_of, give, common } = self;
        let after = db_activity::since(*transaction, since).await?;
        let all = db_activity::list(*transaction, after, &common.distros, as_of).await?;
        give.page(
            "Activity",
            vec![format!("after generation {after}")],
            || activity::heat_map(&all),
            || vec![Table::of("By generation", &activity::generations(&all)), Table::of("Kernels", &all)],
        )?;
        let more = activity::After { after };
        if kernels { give.list(&all, &more) } else { give.list(&activity::generations(&all), &more) }
    }
}

impl ReportCommand {
    fn common(&self) -> &CommonArgs {
        match self {
            Self::Coverage { common, .. }
            | Self::Risk { common, .. }
            | Self::Lag { common, .. }
            | Self::Activity { common, .. } => common,
        }
    }
}

/// The numbers of cluster types, by their names or numbers.
async fn type_numbers(transaction: &Transaction<'_>, words: &[String], as_of: &AsOf) -> Result<Vec<i32>, Failure> {
    let known = KnownNames::new(&cust::types(transaction, as_of).await?, []);
    let number = |word: &String| {
        known.type_id(&TypeWord(word.clone())).map_err(|message| Failure::unmet(message).hint("sqern cust type list"))
    };
    words.iter().map(number).collect()
}
