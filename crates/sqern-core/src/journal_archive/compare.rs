//! Compares the lines of an archive with the database.

use std::io;

use sqern_archive::{Algorithm, Hasher};
use sqern_db::follow;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::{Client, Transaction};

use super::chain::{Chain, ChainLine};
use super::format::{LineHash, text};
use super::problems::Problems;
use super::{ArchiveError, ArchiveEvent};
use crate::follow::line::{self, Line};
use crate::{Error, Progress};

/// The maximum number of bytes and of lines that one query reads. A longer line is read separately
/// or together with shorter ones before it.
const BATCH_BYTES: u64 = 1 << 20;
const BATCH_LINES: usize = 1000;

/// Starts a transaction whose queries all see the same generations.
pub(super) async fn snapshot(client: &mut Client) -> Result<Transaction<'_>, Error> {
    let transaction = sqern_db::snapshot(client).await?;
    // Statistics that are older than the growth of the journal could lead to a plan that reads it
    // completely for each batch, or that starts parallel workers.
    transaction
        .batch_execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL max_parallel_workers_per_gather = 0")
        .await?;
    Ok(transaction)
}

/// Compares lines with the database. Only counts them if there is none.
pub(super) async fn lines(
    transaction: Option<&Transaction<'_>>,
    mut lines: Receiver<ChainLine>,
    progress: &impl Progress<ArchiveEvent>,
) -> Result<Problems, Error> {
    let (mut problems, mut count) = (Problems::default(), 0);
    loop {
        let batch = next_batch(&mut lines).await;
        if batch.is_empty() {
            return Ok(problems);
        }
        if let Some(transaction) = transaction {
            compare(transaction, &batch, &mut problems).await?;
        }
        count += batch.len() as u64;
        progress.report(ArchiveEvent::Generations(count));
    }
}

async fn next_batch(lines: &mut Receiver<ChainLine>) -> Vec<ChainLine> {
    let (mut batch, mut size_bytes) = (vec![], 0);
    while size_bytes < BATCH_BYTES
        && batch.len() < BATCH_LINES
        && let Some(line) = lines.recv().await
    {
        size_bytes += line.size_bytes;
        batch.push(line);
    }
    batch
}

async fn compare(
    transaction: &Transaction<'_>,
    batch: &[ChainLine],
    problems: &mut Problems,
) -> Result<(), Error> {
    let ids: Vec<i64> = batch.iter().map(|line| line.start.generation).collect();
    let mut recorded = line::read(transaction, &ids, &[]).await?;
    for line in batch {
        let id = line.start.generation;
        let Some(recorded) = recorded.get_mut(&id) else {
            problems.add(|| {
                format!(
                    "{}: generation {id} is not in the database",
                    line.location()
                )
            });
            continue;
        };
        let hash = hash(recorded, line).map_err(Error::io("could not read a temporary file"))?;
        if hash != line.hash {
            problems.add(|| {
                format!(
                    "{}: generation {id} differs from the database",
                    line.location()
                )
            });
        }
    }
    Ok(())
}

/// Returns the hash of the line that the archive would contain for a generation of the database.
fn hash(recorded: &mut Line, line: &ChainLine) -> io::Result<LineHash> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update_from(text(recorded, line.start.previous, &line.start.position)?)?;
    Ok(LineHash::from(hasher))
}

/// Returns the number of generations after the archive, and the violations: other generations that
/// the archive does not contain. The number is `None` if the archive contains no valid line.
pub(super) async fn missing(
    transaction: &Transaction<'_>,
    chain: &Chain,
) -> Result<(Option<usize>, Problems), Error> {
    let mut problems = Problems::default();
    let Some(position) = &chain.position else {
        return Ok((None, problems));
    };
    let end = follow::journal_end(transaction, Some(position)).await?;
    if end.lags_behind(position) {
        return Err(ArchiveError::StandbyLags.into());
    }
    let mut newer: Vec<i64> = if position.cluster == end.cluster {
        let batch = follow::poll(transaction, position, &[]).await?;
        let waiting = batch.waiting().iter();
        waiting.map(|waiting| waiting.generation).collect()
    } else {
        // The database was restored from that of the archive, and has other transaction IDs.
        let last = position.last.map_or(0, |last| last.id);
        follow::ids_after(transaction, last).await?
    };
    newer.sort_unstable();
    let is_in = |ids: &[i64], id| ids.binary_search(&id).is_ok();
    for id in follow::generation_ids(transaction).await? {
        if !is_in(&chain.generations, id) && !is_in(&newer, id) {
            problems.add(|| format!("generation {id} is in the database, but not in the archive"));
        }
    }
    let unknown = newer
        .iter()
        .filter(|id| !is_in(&chain.generations, **id))
        .count();
    Ok((Some(unknown), problems))
}
