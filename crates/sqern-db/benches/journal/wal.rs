//! Goal 2: WAL that the journal adds, and the size of an event.

use anyhow::Result;

use crate::measure::{Spread, median};
use crate::paired::{self, Keys, Position};
use crate::report::{Table, count};
use crate::server::BenchServer;
use crate::subject::{Change, KVER, SUBJECTS};

/// Added WAL / WAL of an insert of the same events.
const ADDED: f64 = 1.02;

/// Measures goal 2. `full_page_writes` is off, because a full page after a checkpoint would hide
/// the size of a change.
pub async fn goal(server: &BenchServer, table: &mut Table) -> Result<()> {
    server.make_twins().await?;
    server.set("full_page_writes", "off").await?;
    let generation = generation_bytes(server).await?;
    let bench_size = server.size;
    for subject in &SUBJECTS[..bench_size.tables] {
        for (rows, repeats) in [
            (bench_size.few, bench_size.wal_repeats),
            (bench_size.many, 1),
        ] {
            let rounds = paired::measure(
                server,
                subject,
                rows,
                repeats,
                Keys::Checked,
                Position::First,
            )
            .await?;
            for (change, pairs) in Change::ALL.into_iter().zip(&rounds) {
                let name = format!(
                    "{} {} of {}",
                    subject.table,
                    subject.label(change),
                    count(rows)
                );
                #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
                let per_row = median(pairs.iter().map(paired::Pair::added_wal_bytes)) / rows as f64;
                if change == Change::Update {
                    table.report(
                        2,
                        &format!("{name}, added WAL"),
                        &format!("{per_row:.0} bytes per row"),
                    );
                    continue;
                }
                let with = Spread::of(
                    pairs
                        .iter()
                        .map(|pair| pair.added_wal_bytes() / pair.inserted.wal_bytes),
                );
                let without = pairs
                    .iter()
                    .map(|pair| (pair.added_wal_bytes() - generation) / pair.inserted.wal_bytes);
                let measurement = format!(
                    "{name}, added WAL / WAL of an insert of the same events ({per_row:.0} bytes per row)"
                );
                if rows == bench_size.many {
                    table.at_most(2, &measurement, with, ADDED);
                } else {
                    let measurement =
                        format!("{measurement}, without {generation:.0} bytes of the generation");
                    table.at_most(2, &measurement, Spread::of(without), ADDED);
                    table.report_ratio(
                        2,
                        &format!("{name}, with the bytes of the generation"),
                        with,
                    );
                }
            }
        }
    }
    server.set("full_page_writes", "on").await?;
    event_size(server, table).await
}

/// Returns the WAL bytes of a generation without events, including its NOTIFY.
async fn generation_bytes(server: &BenchServer) -> Result<f64> {
    server.settle(&["journaled"]).await?;
    let session = server.session("journaled").await?;
    let mut bytes = Vec::new();
    for _ in 0..31 {
        bytes.push(session.cost("generation_alone", 0, 0, 1).await?.wal_bytes);
    }
    Ok(median(bytes))
}

/// Measures the size of an event of `kver` on disk, including all indexes.
async fn event_size(server: &BenchServer, table: &mut Table) -> Result<()> {
    server.settle(&["journaled"]).await?;
    let session = server.session("journaled").await?;
    let (first, rows) = (KVER.first(server.size.base), server.size.most);
    let (all, heap) = (
        "SELECT pg_total_relation_size('event')",
        "SELECT pg_relation_size('event')",
    );
    let before = [session.number(all).await?, session.number(heap).await?];
    session
        .cost("kver_insert", first, first + rows - 1, rows)
        .await?;
    let [bytes, heap] = [
        session.number(all).await? - before[0],
        session.number(heap).await? - before[1],
    ];
    let measurement = format!(
        "kver insert of {}, event with its indexes on disk",
        count(rows)
    );
    table.report(
        2,
        &measurement,
        &format!(
            "{} bytes per row, {} of them without indexes",
            bytes / rows,
            heap / rows
        ),
    );
    session
        .cost("kver_delete", first, first + rows - 1, rows)
        .await?;
    Ok(())
}
