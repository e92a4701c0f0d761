//! The durable server, and its databases: with the journal, without it, and with a journal that sends no NOTIFY.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use sqern_testkit::TestServer;
use tokio_postgres::Client;

use crate::measure::{Cost, median};

/// What a server of the product has, and what keeps the server from working beside the measured statements.
const SETTINGS: [(&str, &str); 6] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("autovacuum", "off"),
    ("checkpoint_timeout", "1h"),
    ("max_wal_size", "8GB"),
];

/// Where databases are made from.
const TEMPLATE: &str = "bench_template";

/// Does something with each of the journal's triggers, `%1$I` of table `%2$s`; their names are the rule that the schema keeps.
const EACH_TRIGGER: &str = r"
DO $$
DECLARE
    journal record;
BEGIN
    FOR journal IN SELECT tgname, tgrelid::regclass AS on_table FROM pg_trigger WHERE tgname LIKE '%\_record\_trigger%' LOOP
        EXECUTE format('DO_WHAT', journal.tgname, journal.on_table);
    END LOOP;
    IF NOT FOUND THEN
        RAISE 'expected triggers of the journal, got none';
    END IF;
END
$$";

/// Takes the line that notifies out of `generation_id()`, whatever else the function holds.
const WITHOUT_NOTIFY: &str = r"
DO $$
DECLARE
    before constant text := pg_get_functiondef('public.generation_id()'::regprocedure);
    without constant text := regexp_replace(before, 'PERFORM pg_notify\([^;]*;', '');
BEGIN
    IF before = without THEN
        RAISE 'expected a line in generation_id() that notifies, got none';
    END IF;
    EXECUTE without;
END
$$";

/// The upkeep of `kver_not_ignored` is goal 6, and no part of the journal.
pub const UPKEEP_OFF: &str = "ALTER TABLE kver DISABLE TRIGGER kver_update_not_ignored_kver,
    DISABLE TRIGGER kver_update_not_ignored_kver_update, DISABLE TRIGGER kver_update_not_ignored_kver_delete";

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// How often both sides take their turn; one more turn before is not counted.
    pub rounds: usize,
    /// Rows of a small statement.
    pub few: i64,
    /// Rows of a large statement.
    pub many: i64,
    /// Rows of a very large one.
    pub most: i64,
    /// Kernel versions that are there before.
    pub base: i64,
    /// How often a small statement is run in a round.
    pub repeats: usize,
    /// Rows of a loop of one-row statements.
    pub looped: i64,
    /// How often one is run where WAL bytes are counted, which vary with where pages of an index are split.
    pub wal_repeats: usize,
    /// How many of the tables are measured.
    pub tables: usize,
    /// How long clients commit one-row transactions in a round, in seconds.
    pub commit_seconds: f64,
    /// Kernel versions under the patterns of goal 6, all and few.
    pub versions: i64,
    /// The few.
    pub few_versions: i64,
    /// Rows of a generation of goal 8, which has twenty of them that insert and eighty that update.
    pub step: i64,
    /// How long the writers of goal 7 write, in seconds.
    pub writing_seconds: f64,
}

const FULL: Extent = Extent {
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

const QUICK: Extent = Extent {
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

/// The server with what all goals share.
#[derive(Debug)]
pub struct World {
    server: TestServer,
    /// How much is measured.
    pub extent: Extent,
    /// Whether statements are measured by the time that they ran on a processor.
    cpu: bool,
}

/// One session, in one of the databases.
#[derive(Debug)]
pub struct Session {
    /// For what [`Session`] has no word for.
    pub client: Client,
    /// Where the kernel tells how long the server's process has run, when that is the time that is measured.
    ran: Option<PathBuf>,
    /// What a function that does nothing takes there with its way and its commit, in seconds.
    way_seconds: f64,
    /// A change that comes first in each transaction, and is not measured.
    pub first: Option<&'static str>,
}

impl World {
    /// Starts the server and makes the template: the schema as it stands, and the rows to measure with (`bench.source`).
    pub async fn start(quick: bool, cpu: bool) -> Result<Self> {
        let extent = if quick { QUICK } else { FULL };
        let world = Self { server: TestServer::with_settings(&SETTINGS).await, extent, cpu };
        world.sql(sqern_testkit::DATABASE, &format!("CREATE DATABASE {TEMPLATE} TEMPLATE template0")).await?;
        let mut client = world.server.connect(TEMPLATE).await;
        sqern_db::migrate::migrate(&mut client, None, false).await?;
        client
            .batch_execute(&include_str!("source.sql").replace("SOURCE_ROWS", &(extent.base + extent.most).to_string()))
            .await?;
        client.batch_execute("VACUUM ANALYZE").await?;
        client.batch_execute(&crate::subject::functions()).await.context("the measuring functions")?;
        Ok(world)
    }

    /// Makes the databases of goals 1 to 5 if they are not there yet: `journalled`, its twin `plain`, and `silent`, whose
    /// generations notify nobody.
    pub async fn make_twins(&self) -> Result<()> {
        if self.has("plain").await? {
            return Ok(());
        }
        // Sessions that don't look at foreign keys (`session_replication_role`) keep the journal.
        let always = EACH_TRIGGER.replace("DO_WHAT", "ALTER TABLE %2$s ENABLE ALWAYS TRIGGER %1$I");
        let never = EACH_TRIGGER.replace("DO_WHAT", "DROP TRIGGER %1$I ON %2$s");
        for (name, change) in [("journalled", always.as_str()), ("plain", &never), ("silent", WITHOUT_NOTIFY)] {
            self.make_with_versions(name).await?;
            self.sql(name, change).await?;
        }
        Ok(())
    }

    /// A database made from the template, with kernel versions and without the upkeep of `kver_not_ignored`.
    pub async fn make_with_versions(&self, name: &str) -> Result<()> {
        self.make(name).await?;
        self.sql(name, UPKEEP_OFF).await?;
        let base = self.extent.base;
        let rows = format!("INSERT INTO kver (distro, version) SELECT distro, version FROM bench.source WHERE n <= {base}");
        self.sql(name, &rows).await?;
        self.sql(name, "TRUNCATE event, generation").await?;
        self.sql(name, "VACUUM ANALYZE").await
    }

    /// A database made from the template.
    pub async fn make(&self, name: &str) -> Result<()> {
        let client = self.server.connect(sqern_testkit::DATABASE).await;
        // A session of the template ends a moment after its client is dropped.
        for _ in 0..100 {
            let here = client.query_one("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", &[&TEMPLATE]).await?;
            if here.get::<_, i64>(0) == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await?;
        Ok(())
    }

    async fn has(&self, name: &str) -> Result<bool> {
        let client = self.server.connect(sqern_testkit::DATABASE).await;
        Ok(client.query_opt("SELECT FROM pg_database WHERE datname = $1", &[&name]).await?.is_some())
    }

    /// The conninfo string of a database.
    pub fn dsn(&self, database: &str) -> String {
        self.server.dsn(database)
    }

    /// A new session.
    pub async fn session(&self, database: &str) -> Result<Session> {
        let mut session = Session { client: self.server.connect(database).await, ran: None, way_seconds: 0.0, first: None };
        if self.cpu {
            let process = session.number("SELECT pg_backend_pid()::bigint").await?;
            session.ran = Some(format!("/proc/{process}/schedstat").into());
            let mut ways = Vec::new();
            for _ in 0..15 {
                ways.push(session.cost("nothing", 0, 0, 0).await?.seconds);
            }
            session.way_seconds = median(ways);
        }
        Ok(session)
    }

    /// Runs statements in a session of their own.
    pub async fn sql(&self, database: &str, sql: &str) -> Result<()> {
        self.server.connect(database).await.batch_execute(sql).await.with_context(|| format!("{database}: {sql}"))
    }

    /// Brings databases back to where a round begins: a journal of generation 0 alone, no dead rows, nothing left to write out.
    ///
    /// The journal is not quite empty, for an index of ranges of pages (BRIN) writes each row of its first range into the WAL.
    pub async fn settle(&self, databases: &[&str]) -> Result<()> {
        for database in databases {
            self.sql(database, "TRUNCATE event, generation").await?;
            self.sql(database, "SELECT touched FROM bench.events_before(1, 8000)").await?;
            self.sql(database, "VACUUM event").await?;
            // Without ANALYZE: both sides keep the statistics that they began with, and so their plans.
            self.sql(database, "VACUUM kver, kver_seen, cust_host_kver").await?;
        }
        self.sql(sqern_testkit::DATABASE, "CHECKPOINT").await
    }

    /// Sets one of the server's settings, for sessions that are there too.
    pub async fn set(&self, name: &str, value: &str) -> Result<()> {
        let client = self.server.connect(sqern_testkit::DATABASE).await;
        client.batch_execute(&format!("ALTER SYSTEM SET {name} = {value}")).await?;
        client.batch_execute("SELECT pg_reload_conf()").await?;
        for _ in 0..100 {
            let shown = client.query_one("SELECT current_setting($1)", &[&name]).await?;
            if shown.get::<_, String>(0) == value {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        anyhow::bail!("expected {name} to become {value}")
    }
}

impl Session {
    /// Runs one of the measuring functions over rows `from` to `to` of `bench.source`, in a transaction of its own.
    ///
    /// Errors: it touched another number of rows than `rows`, so that a statement which does nothing is not taken for a fast one.
    pub async fn cost(&self, function: &str, from: i64, to: i64, rows: i64) -> Result<Cost> {
        let statement = self.client.prepare(&format!("SELECT seconds, wal_bytes, touched FROM bench.{function}($1, $2)")).await?;
        if let Some(first) = self.first {
            self.run("BEGIN").await?;
            self.run(first).await?;
        }
        let before = self.ran_seconds()?;
        let row = self.client.query_one(&statement, &[&from, &to]).await.with_context(|| function.to_owned())?;
        let ran = self.ran_seconds()? - before - self.way_seconds;
        if self.first.is_some() {
            self.run("COMMIT").await?;
        }
        let touched: i64 = row.get(2);
        ensure!(touched == rows, "{function}({from}, {to}): expected {rows} rows, got {touched}");
        let seconds = if self.ran.is_some() { ran } else { row.get(0) };
        Ok(Cost { seconds, wal_bytes: row.get(1) })
    }

    /// How long the server's process has run on a processor so far, in seconds; 0 when that is not what is measured.
    fn ran_seconds(&self) -> Result<f64> {
        let Some(file) = &self.ran else { return Ok(0.0) };
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse().with_context(|| text.clone())?;
        Ok(nanoseconds / 1e9)
    }

    /// The one number that a query gives.
    pub async fn number(&self, sql: &str) -> Result<i64> {
        Ok(self.client.query_one(sql, &[]).await.with_context(|| sql.to_owned())?.get(0))
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.with_context(|| sql.to_owned())
    }
}
