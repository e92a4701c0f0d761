//! What was delivered to a follower, as a value that fits a shell word.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;

/// The first number that PostgreSQL gives to a transaction (`FirstNormalTransactionId`).
const FIRST_XACT: u64 = 3;

/// Where a follower stands: exactly what was delivered to it, and by which database.
///
/// Its text is `SYSTEM/DATABASE/XMIN:XMAX:XIP,…`: the cluster's system identifier, the database's oid, a `pg_snapshot`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The database that delivered.
    pub cluster: Cluster,
    /// What it delivered.
    pub snapshot: Snapshot,
}

/// One database of one cluster: transaction numbers mean nothing elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// What `initdb` called the cluster: `pg_control_system().system_identifier`.
    pub system_identifier: u64,
    /// The database's oid.
    pub database: u32,
}

/// A set of transactions in the form of a `pg_snapshot`: all below `xmax` without those that are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmax: u64,
    /// Sorted, each below `xmax`.
    open: Vec<u64>,
}

/// A text that is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a position such as 7301234567890123456/16384/745:760:745,751, found {got:?}")]
pub struct InvalidPosition {
    /// The text.
    pub got: String,
}

impl Position {
    /// Before everything that the database holds.
    #[must_use]
    pub fn start(cluster: Cluster) -> Self {
        Self { cluster, snapshot: Snapshot { xmax: FIRST_XACT, open: vec![] } }
    }
}

impl Snapshot {
    /// All below `xmax` without `open`.
    pub(super) fn new(xmax: u64, open: impl IntoIterator<Item = u64>) -> Self {
        let open: BTreeSet<u64> = open.into_iter().filter(|xact| *xact < xmax).collect();
        Self { xmax, open: open.into_iter().collect() }
    }

    /// Reads what `pg_current_snapshot()` gave: the transactions that ended before it was taken.
    ///
    /// A standby's snapshot does not list what runs between its xmin and its xmax (PostgreSQL keeps that elsewhere, see
    /// `GetSnapshotData`), so there only what lies below its xmin is certain. A primary's lists at least its xmin, if it differs
    /// from xmax. The snapshot itself is looked at, not `pg_is_in_recovery()`: that may change between the two.
    pub(super) fn of_server(text: &str) -> Option<Self> {
        let (xmin, xmax, open) = numbers(text)?;
        Some(Self::new(if open.is_empty() { xmin } else { xmax }, open))
    }

    /// The first transaction that is not in the set, as far as it is known.
    #[must_use]
    pub fn xmin(&self) -> u64 {
        self.open.first().copied().unwrap_or(self.xmax)
    }

    /// No transaction from this one on is in the set.
    #[must_use]
    pub fn xmax(&self) -> u64 {
        self.xmax
    }

    /// The transactions below xmax that are not in the set, in ascending order.
    #[must_use]
    pub fn open(&self) -> &[u64] {
        &self.open
    }

    /// Whether the transaction is in the set.
    #[must_use]
    pub fn sees(&self, xact: u64) -> bool {
        xact < self.xmax && self.open.binary_search(&xact).is_err()
    }
}

/// From one snapshot to the next in single steps, each with a snapshot of its own.
///
/// A step's xmax is the highest transaction delivered so far and one, not the server's: what lies above is not seen either way,
/// so that nothing is lost by it, and much is won. What is waiting above need not be listed, so a step's text stays short however
/// much is waiting. And no transaction counts as seen that left nothing on disk: after a crash of the server, the number of one
/// that was rolled back shortly before is given once more.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    /// What was delivered.
    reached: Snapshot,
    /// What was not, though it lies below `now`, and what is open.
    not_yet: BTreeSet<u64>,
    /// In the order of delivery.
    waiting: VecDeque<u64>,
}

impl Steps {
    /// From `reached` over `waiting`, in this order, to what `now` sees; `waiting` holds what `now` sees and `reached` does not.
    pub(super) fn new(reached: &Snapshot, now: &Snapshot, waiting: impl IntoIterator<Item = u64>) -> Self {
        let waiting: VecDeque<u64> = waiting.into_iter().collect();
        let still_open = reached.open.iter().filter(|xact| !now.sees(**xact));
        let open = now.open.iter().filter(|xact| !reached.sees(**xact));
        let not_yet: BTreeSet<u64> = still_open.chain(open).chain(&waiting).copied().collect();
        let reached = Snapshot::new(reached.xmax, not_yet.range(..reached.xmax).copied());
        Self { reached, not_yet, waiting }
    }

    /// What was delivered so far.
    pub(super) fn reached(&self) -> &Snapshot {
        &self.reached
    }

    /// Delivers the next one; does nothing at the end.
    pub(super) fn step(&mut self) {
        let Some(xact) = self.waiting.pop_front() else { return };
        self.not_yet.remove(&xact);
        let xmax = self.reached.xmax.max(xact + 1);
        self.reached = Snapshot { xmax, open: self.not_yet.range(..xmax).copied().collect() };
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin(), self.xmax)?;
        for (index, xact) in self.open.iter().enumerate() {
            write!(f, "{}{xact}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster.system_identifier, self.cluster.database, self.snapshot)
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    /// Takes only what [`Display`](fmt::Display) writes, so that most texts that were cut or changed are no position.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (system, rest) = text.split_once('/')?;
            let (database, snapshot) = rest.split_once('/')?;
            let cluster = Cluster { system_identifier: system.parse().ok()?, database: database.parse().ok()? };
            let (_, xmax, open) = numbers(snapshot)?;
            // bigint's range, in which transactions are compared.
            i64::try_from(xmax).ok()?;
            Some(Self { cluster, snapshot: Snapshot::new(xmax, open) })
        };
        read()
            .filter(|position| position.snapshot.xmin() > 0 && position.to_string() == text)
            .ok_or_else(|| InvalidPosition { got: text.to_owned() })
    }
}

/// The parts of a `pg_snapshot`'s text.
fn numbers(text: &str) -> Option<(u64, u64, Vec<u64>)> {
    let (xmin, rest) = text.split_once(':')?;
    let (xmax, open) = rest.split_once(':')?;
    let open = if open.is_empty() { vec![] } else { open.split(',').map(|xact| xact.parse().ok()).collect::<Option<_>>()? };
    Some((xmin.parse().ok()?, xmax.parse().ok()?, open))
}

#[cfg(test)]
mod tests;
