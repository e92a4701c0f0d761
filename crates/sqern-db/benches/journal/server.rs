//! The durable server and its databases: with a journal, without a journal, and with a journal that
//! sends no NOTIFY.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use sqern_testkit::TestServer;
use tokio_postgres::Client;

use crate::measure::{Cost, median};

/// The settings of a durable server without background work during the measured statements.
const SETTINGS: [(&str, &str); 6] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("autovacuum", "off"),
    ("checkpoint_timeout", "1h"),
    ("max_wal_size", "8GB"),
];

/// The template of all databases.
const TEMPLATE: &str = "bench_template";

/// Executes a statement for each trigger of the journal: `%1$I` of table `%2$s`. The triggers are
/// found by their names.
const EACH_TRIGGER: &str = r"
DO $$
DECLARE
    journal record;
BEGIN
    FOR journal IN SELECT tgname, tgrelid::regclass AS on_table FROM pg_trigger WHERE tgname LIKE '%\_record\_trigger%' LOOP
        EXECUTE format('STATEMENT', journal.tgname, journal.on_table);
    END LOOP;
    IF NOT FOUND THEN
        RAISE 'found no triggers of the journal';
    END IF;
END
$$";

/// Replaces `generation_notify()` with a function without an effect.
const WITHOUT_NOTIFY: &str = "CREATE OR REPLACE FUNCTION public.generation_notify(generation bigint) RETURNS void LANGUAGE sql AS ''";

/// Disables the maintenance of `kver_not_ignored`. It is measured by goal 6, and is not part of the
/// journal.
pub const MAINTENANCE_OFF: &str = "ALTER TABLE kver DISABLE TRIGGER kver_update_not_ignored_kver,
    DISABLE TRIGGER kver_update_not_ignored_kver_update, DISABLE TRIGGER kver_update_not_ignored_kver_delete";

/// Numbers of rows and rounds.
#[derive(Debug, Clone, Copy)]
pub struct BenchSize {
    /// Counted rounds. One more round precedes them.
    pub rounds: usize,
    /// Rows of a small statement.
    pub few: i64,
    /// Rows of a large statement.
    pub many: i64,
    /// Rows of a very large statement.
    pub most: i64,
    /// Kernel versions before the first measurement.
    pub base: i64,
    /// Runs of a small statement in a round.
    pub repeats: usize,
    /// Rows of a loop of one-row statements.
    pub looped: i64,
    /// Runs of a small statement in a round for WAL bytes, which depend on page splits of indexes.
    pub wal_repeats: usize,
    /// Measured tables.
    pub tables: usize,
    /// Duration of one-row transactions in a round, in seconds.
    pub commit_seconds: f64,
    /// Kernel versions of the large table of goal 6.
    pub versions: i64,
    /// Kernel versions of the small table of goal 6.
    pub few_versions: i64,
    /// Rows of a generation of goal 8, which has 20 generations of inserts and 80 of updates.
    pub step: i64,
    /// Duration of the writers of goal 7, in seconds.
    pub writing_seconds: f64,
}

const FULL: BenchSize = BenchSize {
    rounds: 7,
    few: 100,
    many: 10_000,
    most: 200_000,
    base: 20_000,
    repeats: 31,
    wal_repeats: 31,
    tables: 3,
    looped: 2_000,
    commit_seconds: 3.0,
    versions: 1_000_000,
    few_versions: 10_000,
    step: 10_000,
    writing_seconds: 10.0,
};

const QUICK: BenchSize = BenchSize {
    rounds: 1,
    few: 100,
    many: 1_000,
    most: 5_000,
    base: 2_000,
    repeats: 3,
    wal_repeats: 16,
    tables: 2,
    looped: 100,
    commit_seconds: 0.2,
    versions: 20_000,
    few_versions: 2_000,
    step: 200,
    writing_seconds: 1.0,
};

/// The server and the options of the benchmark.
#[derive(Debug)]
pub struct BenchServer {
    test_server: TestServer,
    /// Numbers of rows and rounds.
    pub size: BenchSize,
    /// Whether to measure the CPU time of statements.
    cpu: bool,
}

/// A session in one of the databases.
#[derive(Debug)]
pub struct Session {
    /// The client, for calls without a method of [`Session`].
    pub client: Client,
    /// The file with the CPU time of the server process, if CPU time is measured.
    schedstat: Option<PathBuf>,
    /// CPU time of an empty function, with protocol and commit, in seconds.
    overhead_seconds: f64,
    /// A change that precedes the measured statement in its transaction, and is not measured.
    pub first: Option<&'static str>,
}

impl BenchServer {
    /// Starts the server and creates the template with the current schema and the rows for the
    /// measurements (`bench.source`).
    pub async fn start(quick: bool, cpu: bool) -> Result<Self> {
        let size = if quick { QUICK } else { FULL };
        let server = Self {
            test_server: TestServer::with_settings(&SETTINGS).await,
            size,
            cpu,
        };
        server
            .sql(
                sqern_testkit::DATABASE,
                &format!("CREATE DATABASE {TEMPLATE} TEMPLATE template0"),
            )
            .await?;
        let mut client = server.test_server.connect(TEMPLATE).await;
        sqern_db::migrate::migrate(&mut client, None, false).await?;
        client
            .batch_execute(
                &include_str!("source.sql")
                    .replace("SOURCE_ROWS", &(size.base + size.most).to_string()),
            )
            .await?;
        client.batch_execute("VACUUM ANALYZE").await?;
        client
            .batch_execute(&crate::subject::functions())
            .await
            .context("could not create the measuring functions")?;
        Ok(server)
    }

    /// Creates the databases of goals 1 to 5 if they do not exist: `journaled`, `plain` without a
    /// journal, and `silent`, whose generations send no NOTIFY.
    pub async fn make_twins(&self) -> Result<()> {
        if self.has("plain").await? {
            return Ok(());
        }
        // The triggers must also run in sessions without foreign key checks
        // (`session_replication_role`).
        let always =
            EACH_TRIGGER.replace("STATEMENT", "ALTER TABLE %2$s ENABLE ALWAYS TRIGGER %1$I");
        let never = EACH_TRIGGER.replace("STATEMENT", "DROP TRIGGER %1$I ON %2$s");
        for (name, change) in [
            ("journaled", always.as_str()),
            ("plain", &never),
            ("silent", WITHOUT_NOTIFY),
        ] {
            self.make_with_versions(name).await?;
            self.sql(name, change).await?;
        }
        Ok(())
    }

    /// Creates a database from the template, with kernel versions and without the maintenance of
    /// `kver_not_ignored`.
    pub async fn make_with_versions(&self, name: &str) -> Result<()> {
        self.make(name).await?;
        self.sql(name, MAINTENANCE_OFF).await?;
        let base = self.size.base;
        let rows = format!(
            "INSERT INTO kver (distro, version) SELECT distro, version FROM bench.source WHERE n <= {base}"
        );
        self.sql(name, &rows).await?;
        self.sql(name, "TRUNCATE event, generation, generation_commit")
            .await?;
        self.sql(name, "VACUUM ANALYZE").await
    }

    /// Creates a database from the template.
    pub async fn make(&self, name: &str) -> Result<()> {
        let client = self.test_server.connect(sqern_testkit::DATABASE).await;
        // The server ends a session shortly after its client is dropped.
        for _ in 0..100 {
            let sessions = client
                .query_one(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = $1",
                    &[&TEMPLATE],
                )
                .await?;
            if sessions.get::<_, i64>(0) == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        client
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
            .await?;
        Ok(())
    }

    async fn has(&self, name: &str) -> Result<bool> {
        let client = self.test_server.connect(sqern_testkit::DATABASE).await;
        Ok(client
            .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name])
            .await?
            .is_some())
    }

    /// Returns the connection string of a database.
    pub fn dsn(&self, database: &str) -> String {
        self.test_server.dsn(database)
    }

    /// Opens a session.
    pub async fn session(&self, database: &str) -> Result<Session> {
        let mut session = Session {
            client: self.test_server.connect(database).await,
            schedstat: None,
            overhead_seconds: 0.0,
            first: None,
        };
        if self.cpu {
            let process = session.number("SELECT pg_backend_pid()::bigint").await?;
            session.schedstat = Some(format!("/proc/{process}/schedstat").into());
            let mut overheads = Vec::new();
            for _ in 0..15 {
                overheads.push(session.cost("nothing", 0, 0, 0).await?.seconds);
            }
            session.overhead_seconds = median(overheads);
        }
        Ok(session)
    }

    /// Runs statements in a separate session.
    pub async fn sql(&self, database: &str, sql: &str) -> Result<()> {
        self.test_server
            .connect(database)
            .await
            .batch_execute(sql)
            .await
            .with_context(|| format!("{database}: {sql}"))
    }

    /// Prepares databases for a round: a journal with only generation 0, no dead rows, and no dirty
    /// pages.
    ///
    /// The journal is not empty, because a BRIN index writes each row of its first page range to
    /// the WAL.
    pub async fn settle(&self, databases: &[&str]) -> Result<()> {
        for database in databases {
            self.sql(database, "TRUNCATE event, generation, generation_commit")
                .await?;
            self.sql(database, "SELECT touched FROM bench.events_before(1, 8000)")
                .await?;
            self.sql(database, "VACUUM event").await?;
            // Without ANALYZE, both databases keep their initial statistics and therefore their
            // plans.
            self.sql(database, "VACUUM kver, kver_seen, cust_host_kver")
                .await?;
        }
        self.sql(sqern_testkit::DATABASE, "CHECKPOINT").await
    }

    /// Changes a setting of the server, also for existing sessions.
    pub async fn set(&self, name: &str, value: &str) -> Result<()> {
        let client = self.test_server.connect(sqern_testkit::DATABASE).await;
        client
            .batch_execute(&format!("ALTER SYSTEM SET {name} = {value}"))
            .await?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        for _ in 0..100 {
            let shown = client
                .query_one("SELECT current_setting($1)", &[&name])
                .await?;
            if shown.get::<_, String>(0) == value {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        anyhow::bail!("setting {name} did not change to {value}")
    }
}

impl Session {
    /// Runs a measuring function for rows `from` to `to` of `bench.source` in a separate
    /// transaction.
    ///
    /// # Errors
    /// Returns an error if the function did not change `rows` rows. A statement without an effect
    /// would appear to be fast.
    pub async fn cost(&self, function: &str, from: i64, to: i64, rows: i64) -> Result<Cost> {
        let statement = self
            .client
            .prepare(&format!(
                "SELECT seconds, wal_bytes, touched FROM bench.{function}($1, $2)"
            ))
            .await?;
        if let Some(first) = self.first {
            self.run("BEGIN").await?;
            self.run(first).await?;
        }
        let before = self.cpu_seconds()?;
        let row = self
            .client
            .query_one(&statement, &[&from, &to])
            .await
            .with_context(|| function.to_owned())?;
        let cpu = self.cpu_seconds()? - before - self.overhead_seconds;
        if self.first.is_some() {
            self.run("COMMIT").await?;
        }
        let touched: i64 = row.get(2);
        ensure!(
            touched == rows,
            "{function}({from}, {to}) changed {touched} instead of {rows} rows"
        );
        let seconds = if self.schedstat.is_some() {
            cpu
        } else {
            row.get(0)
        };
        Ok(Cost {
            seconds,
            wal_bytes: row.get(1),
        })
    }

    /// Returns the CPU time of the server process in seconds, or 0 if CPU time is not measured.
    fn cpu_seconds(&self) -> Result<f64> {
        let Some(file) = &self.schedstat else {
            return Ok(0.0);
        };
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let nanoseconds: f64 = text
            .split(' ')
            .next()
            .unwrap_or_default()
            .parse()
            .with_context(|| text.clone())?;
        Ok(nanoseconds / 1e9)
    }

    /// Returns the number in the only row of a query.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self
            .client
            .query_one(sql, &[])
            .await
            .with_context(|| sql.to_owned())?
            .get(0))
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) -> Result<()> {
        self.client
            .batch_execute(sql)
            .await
            .with_context(|| sql.to_owned())
    }
}
