//! Measures reports, plans and claims with the read model and without it, and the updates of the
//! read model. Prints a Markdown table.
//!
//! `scripts/bench-read-model` runs it. docs/reference/benchmarks.md describes the measurements.

use std::time::{Duration, Instant};

use sqern_core::reports::risk::RiskQuery;
use sqern_core::reports::{ReportQuery, coverage, lag, risk};
use sqern_core::runs::{
    self, BuildSpec, FinishRequest, KernelChoice, RunSelection, RunSpec, StartRequest,
};
use sqern_core::why::{WhyQuery, explain};
use sqern_core::{ChangeOptions, Clock, Silent};
use sqern_db::read_model::refresh;
use sqern_db::run::{Lease, PlanFilter};
use sqern_db::{AsOf, snapshot};
use sqern_model::{At, RunKind, RunResult};
use sqern_testkit::TestServer;
use tokio_postgres::Client;

/// The settings of a durable server with memory for the indexes.
const SETTINGS: [(&str, &str); 5] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "1GB"),
    ("max_wal_size", "8GB"),
];

/// The numbers of rows and of measurements.
struct Size {
    kernels: i64,
    hosts: i64,
    /// Rows of the large changes.
    rows: i64,
    runs: usize,
    slow_runs: usize,
    workers: usize,
    seconds: u64,
}

const FULL: Size = Size {
    kernels: 50_000,
    hosts: 200_000,
    rows: 10_000,
    runs: 100,
    slow_runs: 5,
    workers: 20,
    seconds: 15,
};

const QUICK: Size = Size {
    kernels: 5_000,
    hosts: 2_000,
    rows: 100,
    runs: 5,
    slow_runs: 2,
    workers: 4,
    seconds: 1,
};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        // `cargo test --all-targets` also runs this program.
        print("nothing is measured without --bench: run scripts/bench-read-model");
        return;
    }
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let size = if is_quick { QUICK } else { FULL };
    let bench = Bench::start(size).await;
    print("| measurement | median | 95th percentile | limit | result | without the read model |");
    print("| --- | --- | --- | --- | --- | --- |");
    bench.reads().await;
    bench.past().await;
    bench.plans().await;
    bench.updates().await;
    bench.claims().await;
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
fn print(line: &str) {
    println!("{line}");
}

struct Bench {
    server: TestServer,
    size: Size,
}

/// The number of builds, and of reports of all hosts. With the full size, they have 10 million events.
const ROUNDS: i64 = 112;

/// The name of the database.
const DATABASE: &str = "read_model";

impl Bench {
    async fn start(size: Size) -> Self {
        let server = TestServer::with_settings(&SETTINGS).await;
        let client = server.connect(sqern_testkit::DATABASE).await;
        run(&client, &format!("CREATE DATABASE {DATABASE}")).await;
        let mut client = server.connect(DATABASE).await;
        sqern_db::migrate::migrate(&mut client, None, false)
            .await
            .expect("migrations apply");
        let text = |template: &str, round: i64| {
            template
                .replace("{kernels}", &size.kernels.to_string())
                .replace("{hosts}", &size.hosts.to_string())
                .replace("{per_distro}", &(size.kernels / 50).to_string())
                .replace("{round}", &round.to_string())
        };
        run(&client, &text(include_str!("data.sql"), 0)).await;
        for round in 1..=ROUNDS {
            let sql = text(include_str!("round.sql"), round);
            for generation in sql.split("-- next generation\n") {
                run(&client, generation).await;
            }
            // The statistics of small tables would lead to nested loops.
            if [1, 4, 20].contains(&round) {
                run(&client, "ANALYZE").await;
            }
        }
        run(&client, "VACUUM ANALYZE").await;
        Self { server, size }
    }

    /// Measures reports and lists as of a generation in the middle of the journal.
    async fn past(&self) {
        let mut client = self.client().await;
        let query = "SELECT generation FROM generation_commit
             WHERE position <= (SELECT max(position) / 2 FROM generation_commit) ORDER BY position DESC LIMIT 1";
        let generation = At::Generation(client.query_one(query, &[]).await.expect(query).get(0));
        let version = "SELECT version FROM kver_state WHERE wanted AND stage = 'available' ORDER BY distro, version LIMIT 1 OFFSET 100";
        let version: String = client.query_one(version, &[]).await.expect(version).get(0);
        let why = WhyQuery {
            version: version.parse().expect("a version"),
            query: ReportQuery::default(),
            until: None,
        };
        let builds = sqern_db::run::Filter {
            limit: Some(20),
            ..Default::default()
        };
        for (name, limit_ms) in [
            ("report risk --at", 5_000.0),
            ("report coverage --at", 1_000.0),
            ("why --at", 1_000.0),
            ("build list --at", 3_000.0),
        ] {
            let mut times = vec![];
            for _ in 0..self.size.slow_runs {
                let start = Instant::now();
                let transaction = snapshot(&mut client).await.expect("a snapshot");
                let as_of = AsOf::resolve(&transaction, generation)
                    .await
                    .expect("a generation");
                match name {
                    "report risk --at" => {
                        risk::report(&transaction, &RiskQuery::default(), &as_of)
                            .await
                            .expect("risk");
                    }
                    "report coverage --at" => {
                        coverage::report(&transaction, &ReportQuery::default(), false, &as_of)
                            .await
                            .expect("coverage");
                    }
                    "why --at" => {
                        explain(&transaction, &why, &as_of)
                            .await
                            .expect("an explanation");
                    }
                    _ => {
                        sqern_db::run::list(&transaction, RunKind::Build, &builds, &as_of)
                            .await
                            .expect("builds");
                    }
                }
                transaction.commit().await.expect("a commit");
                times.push(start.elapsed());
            }
            row(name, &times, limit_ms, "");
        }
    }

    async fn client(&self) -> Client {
        self.server.connect(DATABASE).await
    }

    /// Measures a read in a snapshot, with the read model and without it.
    async fn read<T>(
        &self,
        name: &str,
        limit_ms: f64,
        read: impl AsyncFn(&tokio_postgres::Transaction<'_>) -> T,
    ) {
        let mut client = self.client().await;
        let mut measure = async |runs: usize| {
            let mut times = vec![];
            // The first runs fill caches.
            for index in 0..runs + 2 {
                let start = Instant::now();
                let transaction = snapshot(&mut client).await.expect("a snapshot");
                read(&transaction).await;
                transaction.commit().await.expect("a commit");
                if index > 1 {
                    times.push(start.elapsed());
                }
            }
            times
        };
        let other = self.client().await;
        refill(&other).await;
        let with = measure(self.size.runs).await;
        run(&other, "DELETE FROM kver_state_position").await;
        let without = measure(self.size.slow_runs).await;
        row(
            name,
            &with,
            limit_ms,
            &milliseconds(percentile(&without, 50)),
        );
    }

    async fn reads(&self) {
        self.read("coverage by distribution", 5.0, async |transaction| {
            coverage::report(transaction, &ReportQuery::default(), false, &AsOf::Now)
                .await
                .expect("coverage")
        })
        .await;
        self.read("report risk", 150.0, async |transaction| {
            risk::report(transaction, &RiskQuery::default(), &AsOf::Now)
                .await
                .expect("risk")
        })
        .await;
        self.read("report lag", f64::INFINITY, async |transaction| {
            lag::report(transaction, &ReportQuery::default(), &AsOf::Now)
                .await
                .expect("lag")
        })
        .await;
        let client = self.client().await;
        for (name, stage) in [
            ("why, available kernel", "available"),
            ("why, kernel to build", "fetched"),
        ] {
            refill(&client).await;
            let query = "SELECT version FROM kver_state WHERE wanted AND stage = $1 ORDER BY distro, version LIMIT 1 OFFSET 100";
            let version: String = client
                .query_one(query, &[&stage])
                .await
                .expect("a kernel")
                .get(0);
            let query = WhyQuery {
                version: version.parse().expect("a version"),
                query: ReportQuery::default(),
                until: None,
            };
            self.read(name, 3.0, async |transaction| {
                explain(transaction, &query, &AsOf::Now)
                    .await
                    .expect("an explanation")
            })
            .await;
        }
        self.read("newest generation", 1.0, async |transaction| {
            AsOf::Now.state(transaction).await.expect("the state")
        })
        .await;
        refill(&client).await;
        for (name, sql) in [
            (
                "page of 200 kernels of a distribution with a missing step",
                "SELECT * FROM kver_state WHERE distro = 'distro07' AND missing = 'not available' AND wanted ORDER BY sort_key DESC LIMIT 200",
            ),
            (
                "page of 200 kernels of all distributions with a missing step",
                "SELECT * FROM kver_state WHERE missing = 'build failed' AND wanted ORDER BY distro, sort_key DESC LIMIT 200",
            ),
            (
                "numbers by distribution, stage and missing step",
                "SELECT distro, stage, missing, kernels, hosts_running FROM kver_state_count WHERE wanted",
            ),
        ] {
            let mut times = vec![];
            for _ in 0..self.size.runs {
                let start = Instant::now();
                client.query(sql, &[]).await.expect(sql);
                times.push(start.elapsed());
            }
            row(name, &times, 5.0, "");
        }
    }

    async fn plans(&self) {
        for (name, revision, limit_ms) in [
            ("build plan of a new revision", Some("new"), 300.0),
            (
                "build plan of a built revision and target",
                Some("r20"),
                300.0,
            ),
            ("build plan without a revision", None, 300.0),
        ] {
            let selection = RunSelection {
                revision: revision.map(str::to_owned),
                target: revision.map(|_| "target1".to_owned()),
                ..RunSelection::default()
            };
            let filter = PlanFilter {
                selection,
                ..PlanFilter::default()
            };
            self.read(name, limit_ms, async |transaction| {
                sqern_db::run::plan(transaction, RunKind::Build, &filter)
                    .await
                    .expect("a plan")
            })
            .await;
        }
    }

    /// Measures the updates of the read model after changes of several sizes.
    async fn updates(&self) {
        let client = self.client().await;
        refill(&client).await;
        let rows = self.size.rows;
        for (name, change, runs, limit_ms) in [
            (
                "update after a build result of one kernel".to_owned(),
                "UPDATE sp_build_kver SET result = CASE result WHEN 'FAILURE' THEN 'SUCCESS' ELSE 'FAILURE' END WHERE id = 1000".to_owned(),
                self.size.runs,
                15.0,
            ),
            (
                format!("update after build results of {rows} kernels"),
                format!("UPDATE sp_build_kver SET result = CASE result WHEN 'FAILURE' THEN 'SUCCESS' ELSE 'FAILURE' END
                         WHERE id IN (SELECT max(id) FROM sp_build_kver GROUP BY distro, version ORDER BY 1 LIMIT {rows})"),
                self.size.slow_runs,
                3000.0,
            ),
            (
                format!("update after changes of {rows} host kernels"),
                format!("UPDATE cust_host_kver SET deleted_at = CASE deleted_at WHEN '-infinity' THEN now() ELSE '-infinity' END
                         WHERE id IN (SELECT id FROM cust_host_kver WHERE NOT current ORDER BY id LIMIT {rows})"),
                self.size.slow_runs,
                3000.0,
            ),
        ] {
            let mut times = vec![];
            for index in 0..=runs {
                run(&client, &change).await;
                let start = Instant::now();
                refresh(&client).await.expect("an update");
                if index > 0 {
                    times.push(start.elapsed());
                }
            }
            row(&name, &times, limit_ms, "");
        }
    }

    /// Measures claims of concurrent workers, each of which starts and finishes builds of one kernel.
    async fn claims(&self) {
        let mut workers = vec![];
        let end = Instant::now() + Duration::from_secs(self.size.seconds);
        for worker in 0..self.size.workers {
            let mut client = self.client().await;
            workers.push(tokio::spawn(async move {
                let options = ChangeOptions {
                    comment: format!("worker {worker}"),
                    dry_run: false,
                };
                let mut times = vec![];
                while Instant::now() < end {
                    let start = Instant::now();
                    let started = runs::start(&mut client, &request(worker), &options, &Silent)
                        .await
                        .expect("a claim");
                    times.push(start.elapsed());
                    let request = FinishRequest {
                        kind: RunKind::Build,
                        id: started.run.expect("kernels are left").id,
                        result: RunResult::Success,
                        kernels: vec![],
                    };
                    runs::finish(&mut client, &request, &options)
                        .await
                        .expect("a finished build");
                }
                times
            }));
        }
        let mut times = vec![];
        for worker in workers {
            times.extend(worker.await.expect("a worker"));
        }
        let client = self.client().await;
        let twice = "SELECT count(*) FROM (SELECT distro, version FROM sp_build_kver JOIN sp_build ON id = build_id
             WHERE storpool_revision = 'claimed' GROUP BY distro, version HAVING count(*) > 1) AS twice".replace("ON id", "ON sp_build.id");
        let twice: i64 = client.query_one(&twice, &[]).await.expect("a count").get(0);
        assert_eq!(twice, 0, "kernels are claimed once");
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let rate = times.len() as f64 / f64::from(u32::try_from(self.size.seconds).unwrap_or(1));
        let name = format!("claim of one kernel, {} workers", self.size.workers);
        row(&name, &times, 50.0, "");
        let result = if rate >= 200.0 { "met" } else { "missed" };
        print(&format!(
            "| claims per second, {} workers | {rate:.0} | | ≥ 200 | {result} | |",
            self.size.workers
        ));
    }
}

fn request(worker: usize) -> StartRequest {
    StartRequest {
        spec: RunSpec::Build(BuildSpec::default()),
        selection: RunSelection {
            revision: Some("claimed".to_owned()),
            target: Some("target1".to_owned()),
            ..RunSelection::default()
        },
        kernels: KernelChoice::Claim { max_kernels: 1 },
        lease: Lease {
            owner: format!("bench:{worker}:1"),
            lasts: Duration::from_secs(600),
        },
        clock: Clock::System,
    }
}

async fn run(client: &Client, sql: &str) {
    client
        .batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}\n{error:?}"));
}

/// Fills the read model, and updates the statistics of the planner.
async fn refill(client: &Client) {
    refresh(client).await.expect("the read model");
    run(
        client,
        "VACUUM ANALYZE kver_state, kver_state_count, host_state, host_state_count",
    )
    .await;
}

/// Prints a row of the table.
fn row(name: &str, times: &[Duration], limit_ms: f64, without: &str) {
    let high = percentile(times, 95);
    let (limit, result) = if limit_ms.is_finite() {
        let is_met = high.as_secs_f64() * 1e3 <= limit_ms;
        (
            format!("≤ {limit_ms} ms"),
            if is_met { "met" } else { "missed" },
        )
    } else {
        (String::new(), "")
    };
    print(&format!(
        "| {name} | {} | {} | {limit} | {result} | {without} |",
        milliseconds(percentile(times, 50)),
        milliseconds(high)
    ));
}

/// Returns the nearest rank of a percentile of at least one duration.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 10.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{milliseconds:.0} ms")
    }
}
