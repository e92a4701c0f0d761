//! Paired measurements: a statement with and without a journal, and the same events inserted by
//! INSERT … SELECT.

use anyhow::{Result, ensure};

use crate::measure::{Cost, median};
use crate::server::{BenchServer, Session};
use crate::subject::{Change, Subject};

/// The measurements of one change in a round: medians of times and means of WAL bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pair {
    /// The statement with a journal.
    pub journaled: Cost,
    /// The statement without a journal.
    pub plain: Cost,
    /// The insert of the same events into the database without a journal. Not measured for updates.
    pub inserted: Cost,
}

impl Pair {
    /// Returns the time that the journal adds, in seconds.
    pub fn added_seconds(&self) -> f64 {
        self.journaled.seconds - self.plain.seconds
    }

    /// Returns the WAL that the journal adds, in bytes.
    pub fn added_wal_bytes(&self) -> f64 {
        self.journaled.wal_bytes - self.plain.wal_bytes
    }
}

/// Whether foreign keys are checked in both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// All foreign keys are checked.
    Checked,
    /// No foreign keys are checked. Otherwise the added time would be a small difference of large
    /// times, because 7 tables reference `kver`.
    Unchecked,
}

/// A change before the measured statement.
pub const FIRST: &str = "INSERT INTO sp_build (official) VALUES (false)";

/// The position of a statement in its transaction. The journal compares each event of a later
/// change with the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The first change of the transaction.
    First,
    /// A change after a change of another table.
    Later,
}

/// The rounds of one table and one number of rows: a list for each of [`Change::ALL`].
pub type Rounds = [Vec<Pair>; 3];

/// Alternates statements of `rows` rows with and without a journal, `repeats` times in each round.
///
/// The first round is not counted. It fills caches, creates plans, and verifies that the inserted
/// events are those of the journal.
pub async fn measure(
    server: &BenchServer,
    subject: &Subject,
    rows: i64,
    repeats: usize,
    keys: Keys,
    position: Position,
) -> Result<Rounds> {
    server.make_twins().await?;
    let rounds = server.size.rounds;
    let mut sides = [
        server.session("journaled").await?,
        server.session("plain").await?,
        server.session("plain").await?,
    ];
    if position == Position::Later {
        for session in &mut sides[..2] {
            session.first = Some(FIRST);
        }
    }
    for session in &sides {
        session
            .run("SET plan_cache_mode = force_generic_plan")
            .await?;
        if keys == Keys::Unchecked {
            session
                .run("SET session_replication_role = replica")
                .await?;
        }
    }
    let mut all = Rounds::default();
    for round in 0..=rounds {
        server.settle(&["journaled", "plain"]).await?;
        let mut costs: [[Vec<Cost>; 3]; 3] = Default::default();
        for repeat in 0..repeats {
            let offset = i64::try_from(repeat)? * rows;
            let from = subject.first(server.size.base) + offset;
            for (index, change) in Change::ALL.into_iter().enumerate() {
                // The order changes, so that no variant is always first.
                for order in 0..3 {
                    let side = (order + repeat + round) % 3;
                    if let Some(function) = function(subject, change, side) {
                        costs[index][side].push(
                            sides[side]
                                .cost(&function, from, from + rows - 1, rows)
                                .await?,
                        );
                    }
                }
            }
        }
        if round == 0 {
            verify_events(&sides, subject, i64::try_from(repeats)? * rows).await?;
            continue;
        }
        for (index, sides) in costs.into_iter().enumerate() {
            let [journaled, plain, inserted] = sides.map(|costs| average(&costs));
            all[index].push(Pair {
                journaled,
                plain,
                inserted,
            });
        }
    }
    Ok(all)
}

fn function(subject: &Subject, change: Change, side: usize) -> Option<String> {
    let name = format!("{}_{}", subject.table, change.action());
    match (side, change) {
        (2, Change::Update) => None,
        (2, _) => Some(format!("{name}_events")),
        _ => Some(name),
    }
}

/// Returns the median of the times and the mean of the bytes. Page splits of an index, which occur
/// in some statements, must count.
fn average(costs: &[Cost]) -> Cost {
    #[expect(clippy::cast_precision_loss, reason = "counts of repeats are small")]
    let wal_bytes = costs.iter().map(|cost| cost.wal_bytes).sum::<f64>() / costs.len() as f64;
    Cost {
        seconds: median(costs.iter().map(|cost| cost.seconds)),
        wal_bytes,
    }
}

/// Verifies that the events in both databases are equal, except for ids that the database assigned.
async fn verify_events(sides: &[Session; 3], subject: &Subject, rows: i64) -> Result<()> {
    let digest = "SELECT count(*), md5(string_agg(event, ',' ORDER BY event COLLATE \"C\"))
                  FROM (SELECT concat_ws(' ', table_name, action, pkey - 'id', fields, old) AS event
                        FROM event WHERE table_name = $1 AND action <> 'update') AS events";
    let mut digests = Vec::new();
    for session in &sides[..2] {
        let row = session.client.query_one(digest, &[&subject.table]).await?;
        digests.push((row.get::<_, i64>(0), row.get::<_, Option<String>>(1)));
    }
    ensure!(
        digests[0].0 == 2 * rows,
        "the journal contains {} instead of {} events of inserts and deletes",
        digests[0].0,
        2 * rows
    );
    ensure!(
        digests[0] == digests[1],
        "the inserted events differ from those of the journal: {digests:?}"
    );
    let updates = format!(
        "SELECT count(*) FROM event WHERE table_name = '{}' AND action = 'update'",
        subject.table
    );
    let (journaled, plain) = (
        sides[0].number(&updates).await?,
        sides[1].number(&updates).await?,
    );
    ensure!(
        (journaled, plain) == (rows, 0),
        "found {journaled} instead of {rows} events of updates with a journal, and {plain} without one"
    );
    Ok(())
}
