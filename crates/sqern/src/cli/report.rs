//! `sqern report`: how far the kernels are, who runs what is not, how long it takes, and what came.

mod give;

use clap::{Args, Subcommand};
use sqern_db::as_of::snapshot;
use sqern_db::risk::{self as db_risk, RiskFilter};
use sqern_db::status::{self, StatusFilter};
use sqern_db::{AsOf, cust, new as db_new};
use sqern_model::{At, ClusterName, DistroName, TypeWord};
use tokio_postgres::Transaction;

use self::give::{Give, HtmlArgs};
use super::Context;
use super::at::{AtArgs, Frame};
use crate::cust::Known;
use crate::failure::{Exit, Failure};
use crate::reports::html::Table;
use crate::reports::{coverage, lag, new, risk};

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// How many kernels of each distribution have come how far
    ///
    /// Each kernel counts once, at the furthest that it has come: known (a host reported it), seen, fetched, built, tested, available.
    /// Those that are ignored or archived count by themselves.
    #[command(after_help = "Examples:
  sqern report coverage
  sqern report coverage --distro debian12 --kernels     # the kernels behind the numbers
  sqern report coverage --target sp-prod --at 2026-05-01 --csv
  sqern report coverage --html coverage.html")]
    Coverage {
        /// List the kernels instead
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        of: OfArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Which hosts run, or have as their newest, a kernel that is not available
    ///
    /// By cluster type, then by hosts: the kernel, how many hosts run it, how many have it as their newest and run another, what is
    /// missing until it is available, and since when. Kernels that are ignored or archived come last of each type, and their hosts are
    /// not counted as being at risk.
    #[command(after_help = "Examples:
  sqern report risk
  sqern report risk --target sp-prod --type production
  sqern report risk --hosts --cluster acme-1            # the hosts behind the numbers
  sqern report risk --at 2026-05-01 --json")]
    Risk {
        /// List the hosts instead
        #[arg(long)]
        hosts: bool,
        /// Only hosts of this cluster; may be given several times
        #[arg(long = "cluster", value_name = "NAME")]
        clusters: Vec<ClusterName>,
        /// Only hosts of clusters of this type, a name or a number; may be given several times
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        #[command(flatten)]
        of: OfArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// How long kernels take from seen to fetched, built, tested and available
    ///
    /// Median, the time that nine in ten took at the most, and the longest, in hours, of the wanted kernels that have done the step; and
    /// how many wait. Builds and tests count from their start, and the first that succeeded counts.
    #[command(after_help = "Examples:
  sqern report lag
  sqern report lag --distro debian12 --months           # by the month in which kernels were first seen (UTC)
  sqern report lag --kernels --csv                      # the kernels behind the numbers")]
    Lag {
        /// By the month in which they were first seen, as well
        #[arg(long, conflicts_with = "kernels")]
        months: bool,
        /// List the kernels instead
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        of: OfArgs,
        #[command(flatten)]
        common: CommonArgs,
    },
    /// What came since a generation or a time
    ///
    /// By generation: how many kernels became known, were seen, fetched, built, tested, available, or withdrawn, as the journal tells.
    #[command(after_help = "Examples:
  sqern report new --since 2026-05-01
  sqern report new --since 1200 --distro debian12 --kernels
  sqern report new --since 2026-05-01 --at 2026-06-01 --html may.html")]
    New {
        /// What came after this generation, or after this time
        #[arg(long, value_name = "GENERATION|TIME")]
        since: At,
        /// List the kernels instead
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        common: CommonArgs,
    },
}

/// Which builds count.
#[derive(Debug, Clone, Args)]
pub(super) struct OfArgs {
    /// Only builds for this release target count, and what is available for it [default: whichever]
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Only builds of this revision count, and what is available of it [default: whichever]
    #[arg(long, value_name = "REVISION")]
    pub(super) revision: Option<String>,
}

/// Of every report.
#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    /// Only of this distribution; may be given several times
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    #[command(flatten)]
    at: AtArgs,
    #[command(flatten)]
    html: HtmlArgs,
}

impl CommonArgs {
    /// The state that is asked for, and what is said of it.
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
        ReportCommand::New { since, kernels, .. } => asked.came(*since, *kernels).await?,
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
            "Customers at risk",
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
        let all = status::list(transaction, &common.statuses(of, false), as_of).await?;
        give.page(
            "From seen to available",
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

    async fn came(&self, since: At, kernels: bool) -> Result<(), Failure> {
        let Self { transaction, as_of, give, common } = self;
        let after = db_new::since(*transaction, since).await?;
        let came = db_new::list(*transaction, after, &common.distros, as_of).await?;
        give.page(
            "What came",
            vec![format!("after generation {after}")],
            || new::heat_map(&came),
            || vec![Table::of("By generation", &new::generations(&came)), Table::of("Kernels", &came)],
        )?;
        let more = new::After { after };
        if kernels { give.list(&came, &more) } else { give.list(&new::generations(&came), &more) }
    }
}

impl ReportCommand {
    fn common(&self) -> &CommonArgs {
        match self {
            Self::Coverage { common, .. } | Self::Risk { common, .. } | Self::Lag { common, .. } | Self::New { common, .. } => {
                common
            }
        }
    }
}

/// The numbers of cluster types, by their names or numbers.
async fn type_numbers(transaction: &Transaction<'_>, words: &[String], as_of: &AsOf) -> Result<Vec<i32>, Failure> {
    let known = Known::new(&cust::types(transaction, as_of).await?, []);
    let number = |word: &String| {
        known.type_id(&TypeWord(word.clone())).map_err(|message| Failure::unmet(message).hint("sqern cust type list"))
    };
    words.iter().map(number).collect()
}
