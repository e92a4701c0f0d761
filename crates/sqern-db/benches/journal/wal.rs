//! Goal 2, what the journal adds to the WAL, and how large an event is.

use anyhow::Result;

use crate::measure::{Spread, median};
use crate::report::{Table, count};
use crate::subject::{Change, KVER, SUBJECTS};
use crate::turns::{self, Keys, Place};
use crate::world::World;

/// Extra WAL / WAL of inserting the same events.
const EXTRA: f64 = 1.02;

/// Goal 2. A page's first change after a checkpoint goes into the WAL as a whole, which says more of the checkpoint than of the
/// change: `full_page_writes` is off for both sides.
pub async fn goal(world: &World, table: &mut Table) -> Result<()> {
    world.make_twins().await?;
    world.set("full_page_writes", "off").await?;
    let generation = generation_bytes(world).await?;
    let extent = world.extent;
    for subject in &SUBJECTS[..extent.tables] {
        for (rows, repeats) in [(extent.few, extent.wal_repeats), (extent.many, 1)] {
            let rounds = turns::take(world, subject, rows, repeats, Keys::Checked, Place::First).await?;
            for (change, turns) in Change::ALL.into_iter().zip(&rounds) {
                let name = format!("{} {} of {}", subject.table, subject.word(change), count(rows));
                #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
                let a_row = median(turns.iter().map(turns::Turn::share_wal_bytes)) / rows as f64;
                if change == Change::Update {
                    table.told(2, &format!("{name}, extra WAL"), &format!("{a_row:.0} bytes a row"));
                    continue;
                }
                let with = Spread::of(turns.iter().map(|turn| turn.share_wal_bytes() / turn.built.wal_bytes));
                let without = turns.iter().map(|turn| (turn.share_wal_bytes() - generation) / turn.built.wal_bytes);
                let what = format!("{name}, extra WAL / WAL of its events by INSERT … SELECT ({a_row:.0} bytes a row)");
                if rows == extent.many {
                    table.at_most(2, &what, with, EXTRA);
                } else {
                    let what = format!("{what}, without the generation's own {generation:.0}");
                    table.at_most(2, &what, Spread::of(without), EXTRA);
                    table.told_ratio(2, &format!("{name}, the same with the generation"), with);
                }
            }
        }
    }
    world.set("full_page_writes", "on").await?;
    size(world, table).await
}

/// WAL bytes of a generation without an event, its NOTIFY included.
async fn generation_bytes(world: &World) -> Result<f64> {
    world.settle(&["journalled"]).await?;
    let session = world.session("journalled").await?;
    let mut bytes = Vec::new();
    for _ in 0..31 {
        bytes.push(session.cost("generation_alone", 0, 0, 1).await?.wal_bytes);
    }
    Ok(median(bytes))
}

/// Bytes of an event of `kver` on disk, all indexes included.
async fn size(world: &World, table: &mut Table) -> Result<()> {
    world.settle(&["journalled"]).await?;
    let session = world.session("journalled").await?;
    let (first, rows) = (KVER.first(world.extent.base), world.extent.most);
    let (all, heap) = ("SELECT pg_total_relation_size('event')", "SELECT pg_relation_size('event')");
    let before = [session.number(all).await?, session.number(heap).await?];
    session.cost("kver_insert", first, first + rows - 1, rows).await?;
    let [bytes, heap] = [session.number(all).await? - before[0], session.number(heap).await? - before[1]];
    let what = format!("kver insert of {}, event with its indexes on disk", count(rows));
    table.told(2, &what, &format!("{} bytes a row, {} of them without indexes", bytes / rows, heap / rows));
    session.cost("kver_delete", first, first + rows - 1, rows).await?;
    Ok(())
}
