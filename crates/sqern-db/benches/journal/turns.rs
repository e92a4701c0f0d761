//! Both sides in turn: the same statement with the journal and without, and the same events built by a plain INSERT … SELECT.

use anyhow::{Result, ensure};

use crate::measure::{Cost, median};
use crate::subject::{Change, Subject};
use crate::world::{Session, World};

/// What a round measured of one change; each figure is the middle of the round's repeats.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    /// With the journal.
    pub journalled: Cost,
    /// Without.
    pub plain: Cost,
    /// The same events inserted into the plain database's event table; not measured for updates.
    pub built: Cost,
}

impl Turn {
    /// What the journal adds to the time, in seconds.
    pub fn share_seconds(&self) -> f64 {
        self.journalled.seconds - self.plain.seconds
    }

    /// What the journal adds to the WAL, in bytes.
    pub fn share_wal_bytes(&self) -> f64 {
        self.journalled.wal_bytes - self.plain.wal_bytes
    }
}

/// What runs beside the journal on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// All that a table has.
    Checked,
    /// Foreign keys are not looked at. What the journal adds is the same, and is no longer the small difference of two large
    /// figures: a deleted kernel version is looked for in seven tables.
    AtRest,
}

/// A change that is not what is measured.
pub const FIRST: &str = "INSERT INTO sp_build (official) VALUES (false)";

/// Where in its transaction a statement stands: the journal holds each event of a later one against the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the transaction's first change.
    First,
    /// Another table was changed before.
    Later,
}

/// The rounds of one table and one size of statement, a list for each of [`Change::ALL`].
pub type Rounds = [Vec<Turn>; 3];

/// Lets both sides take turns with statements of `rows` rows, `repeats` times in each round.
///
/// Before the rounds that count comes one that fills caches and keeps plans; it also shows that the events that are built are
/// those that the journal makes.
pub async fn take(world: &World, subject: &Subject, rows: i64, repeats: usize, keys: Keys, place: Place) -> Result<Rounds> {
    world.make_twins().await?;
    let rounds = world.extent.rounds;
    let mut sides = [world.session("journalled").await?, world.session("plain").await?, world.session("plain").await?];
    if place == Place::Later {
        for session in &mut sides[..2] {
            session.first = Some(FIRST);
        }
    }
    for session in &sides {
        session.run("SET plan_cache_mode = force_generic_plan").await?;
        if keys == Keys::AtRest {
            session.run("SET session_replication_role = replica").await?;
        }
    }
    let mut all = Rounds::default();
    for round in 0..=rounds {
        world.settle(&["journalled", "plain"]).await?;
        let mut costs: [[Vec<Cost>; 3]; 3] = Default::default();
        for repeat in 0..repeats {
            let offset = i64::try_from(repeat)? * rows;
            let from = subject.first(world.extent.base) + offset;
            for (index, change) in Change::ALL.into_iter().enumerate() {
                // Nobody is always first.
                for turn in 0..3 {
                    let side = (turn + repeat + round) % 3;
                    if let Some(function) = function(subject, change, side) {
                        costs[index][side].push(sides[side].cost(&function, from, from + rows - 1, rows).await?);
                    }
                }
            }
        }
        if round == 0 {
            same_events(&sides, subject, i64::try_from(repeats)? * rows).await?;
            continue;
        }
        for (index, sides) in costs.into_iter().enumerate() {
            let [journalled, plain, built] = sides.map(|costs| middle(&costs));
            all[index].push(Turn { journalled, plain, built });
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

/// The middle of the times. Of the bytes the mean: a page of an index that is split every few statements is not noise.
fn middle(costs: &[Cost]) -> Cost {
    #[expect(clippy::cast_precision_loss, reason = "counts of repeats are small")]
    let wal_bytes = costs.iter().map(|cost| cost.wal_bytes).sum::<f64>() / costs.len() as f64;
    Cost { seconds: median(costs.iter().map(|cost| cost.seconds)), wal_bytes }
}

/// Makes sure that each side did what it is measured for. An id differs where it is the database that gives it.
async fn same_events(sides: &[Session; 3], subject: &Subject, rows: i64) -> Result<()> {
    let digest = "SELECT count(*), md5(string_agg(event, ',' ORDER BY event COLLATE \"C\"))
                  FROM (SELECT concat_ws(' ', table_name, action, pkey - 'id', fields, old) AS event
                        FROM event WHERE table_name = $1 AND action <> 'update') AS events";
    let mut digests = Vec::new();
    for session in &sides[..2] {
        let row = session.client.query_one(digest, &[&subject.table]).await?;
        digests.push((row.get::<_, i64>(0), row.get::<_, Option<String>>(1)));
    }
    ensure!(digests[0].0 == 2 * rows, "expected {} events of inserts and deletes, got {}", 2 * rows, digests[0].0);
    ensure!(digests[0] == digests[1], "expected the events that are built to be the journal's: {digests:?}");
    let updates = format!("SELECT count(*) FROM event WHERE table_name = '{}' AND action = 'update'", subject.table);
    let (journalled, plain) = (sides[0].number(&updates).await?, sides[1].number(&updates).await?);
    ensure!((journalled, plain) == (rows, 0), "expected {rows} events of updates and none without, got {journalled} and {plain}");
    Ok(())
}
