//! Positions: the set of transactions that were delivered to a follower, as a text without blanks.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::str::FromStr;

/// The first transaction ID that PostgreSQL assigns (`FirstNormalTransactionId`).
const FIRST_XACT: u64 = 3;

/// The set of transactions that a database delivered to a follower.
///
/// Its text is `SYSTEM/DATABASE/XMIN:XMAX:XIP,…/GENERATION@TIME`: the system identifier of the
/// cluster, the OID of the database, a `pg_snapshot`, and the last delivered generation with its
/// start time in microseconds since 1970, or 0 before the first generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The identity of the database.
    pub cluster: Cluster,
    /// The set of delivered transactions of the cluster.
    pub snapshot: Snapshot,
    /// The generation that was delivered last. A database without it was restored to an earlier
    /// state, or is that of a standby that became the primary without it.
    pub last: Option<DeliveredGeneration>,
}

/// The identity of a delivered generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveredGeneration {
    /// The id of the generation.
    pub id: i64,
    /// The start time of its transaction, in microseconds since 1970. After a restore, another
    /// generation can get the same id, but not the same time.
    pub microseconds: i64,
}

/// The identity of a database. Transaction IDs of different clusters are not comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// The identifier that `initdb` assigned to the cluster:
    /// `pg_control_system().system_identifier`.
    pub system_identifier: u64,
    /// The OID of the database.
    pub database: u32,
}

/// A set of transactions in the form of a `pg_snapshot`: all transactions below `xmax` that are not
/// in `open`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmax: u64,
    /// The transactions below `xmax` that are not in the set, in ascending order.
    open: Vec<u64>,
}

/// A text that is not a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a position such as 7301234567890123456/16384/745:760:745,751/42@1767225600000000, found {got:?}"
)]
pub struct InvalidPosition {
    /// The text that is not a position.
    pub got: String,
}

impl Position {
    /// Returns the position before all transactions of the database.
    #[must_use]
    pub fn start(cluster: Cluster) -> Self {
        Self {
            cluster,
            snapshot: Snapshot {
                xmax: FIRST_XACT,
                open: vec![],
            },
            last: None,
        }
    }
}

impl Snapshot {
    /// Creates the set of all transactions below `xmax` that are not in `open`.
    pub(super) fn new(xmax: u64, open: impl IntoIterator<Item = u64>) -> Self {
        let open: BTreeSet<u64> = open.into_iter().filter(|xact| *xact < xmax).collect();
        Self {
            xmax,
            open: open.into_iter().collect(),
        }
    }

    /// Parses the text of `pg_current_snapshot()`: the transactions that ended before the snapshot.
    ///
    /// The snapshot of a standby does not list the open transactions between xmin and xmax, which
    /// PostgreSQL stores separately (see `GetSnapshotData`). Only transactions below its xmin have
    /// certainly ended. The snapshot of a primary lists at least xmin if xmin and xmax differ. This
    /// function does not use `pg_is_in_recovery()`, whose value might change after the snapshot.
    pub(super) fn of_server(text: &str) -> Option<Self> {
        let (xmin, xmax, open) = numbers(text)?;
        Some(Self::new(if open.is_empty() { xmin } else { xmax }, open))
    }

    /// Returns the first transaction that is not in the set.
    #[must_use]
    pub fn xmin(&self) -> u64 {
        self.open.first().copied().unwrap_or(self.xmax)
    }

    /// Returns the limit of the set: it does not contain this transaction or a later one.
    #[must_use]
    pub fn xmax(&self) -> u64 {
        self.xmax
    }

    /// Returns the transactions below xmax that are not in the set, in ascending order.
    #[must_use]
    pub fn open(&self) -> &[u64] {
        &self.open
    }

    /// Returns whether the set contains the transaction.
    #[must_use]
    pub fn sees(&self, xact: u64) -> bool {
        xact < self.xmax && self.open.binary_search(&xact).is_err()
    }
}

/// The steps from one snapshot to the next. Each step delivers one transaction, and has a snapshot
/// of the delivered transactions.
///
/// The xmax of a step is one more than the highest delivered transaction, instead of the xmax of
/// the server. This has 2 advantages, and the delivered transactions are the same:
///
/// - Waiting transactions above xmax are not listed, so the text of a step is short even if many transactions wait.
/// - The set contains no transaction ID above those of committed generations. After a crash, PostgreSQL can assign the ID of a transaction
///   again that was rolled back shortly before, because the transaction is not on disk.
#[derive(Debug, Clone)]
pub(super) struct Steps {
    /// The transactions of the steps so far.
    reached: Snapshot,
    /// The waiting and the open transactions.
    not_yet: BTreeSet<u64>,
    /// The transactions to deliver, in the order of delivery.
    waiting: VecDeque<u64>,
}

impl Steps {
    /// Creates the steps from `reached` to `now`. `waiting` contains the transactions to deliver:
    /// those in `now` that are not in `reached`.
    pub(super) fn new(
        reached: &Snapshot,
        now: &Snapshot,
        waiting: impl IntoIterator<Item = u64>,
    ) -> Self {
        let waiting: VecDeque<u64> = waiting.into_iter().collect();
        let still_open = reached.open.iter().filter(|xact| !now.sees(**xact));
        let open = now.open.iter().filter(|xact| !reached.sees(**xact));
        let not_yet: BTreeSet<u64> = still_open.chain(open).chain(&waiting).copied().collect();
        let reached = Snapshot::new(reached.xmax, not_yet.range(..reached.xmax).copied());
        Self {
            reached,
            not_yet,
            waiting,
        }
    }

    /// Returns the transactions that were delivered before this step.
    pub(super) fn reached(&self) -> &Snapshot {
        &self.reached
    }

    /// Delivers the next transaction. Does nothing after the last one.
    pub(super) fn step(&mut self) {
        let Some(xact) = self.waiting.pop_front() else {
            return;
        };
        self.not_yet.remove(&xact);
        let xmax = self.reached.xmax.max(xact + 1);
        self.reached = Snapshot {
            xmax,
            open: self.not_yet.range(..xmax).copied().collect(),
        };
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
        let Cluster {
            system_identifier,
            database,
        } = self.cluster;
        write!(f, "{system_identifier}/{database}/{}/", self.snapshot)?;
        match self.last {
            Some(DeliveredGeneration { id, microseconds }) => write!(f, "{id}@{microseconds}"),
            None => f.write_str("0"),
        }
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    /// Accepts only texts that [`Display`](fmt::Display) writes, so that most truncated or changed
    /// texts are rejected.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (system, rest) = text.split_once('/')?;
            let (database, rest) = rest.split_once('/')?;
            let (snapshot, last) = rest.split_once('/')?;
            let cluster = Cluster {
                system_identifier: system.parse().ok()?,
                database: database.parse().ok()?,
            };
            let (_, xmax, open) = numbers(snapshot)?;
            // Queries compare transaction IDs as bigint.
            i64::try_from(xmax).ok()?;
            let last = match last.split_once('@') {
                Some((id, microseconds)) => Some(DeliveredGeneration {
                    id: id.parse().ok()?,
                    microseconds: microseconds.parse().ok()?,
                }),
                None => None,
            };
            Some(Self {
                cluster,
                snapshot: Snapshot::new(xmax, open),
                last,
            })
        };
        read()
            .filter(|position| position.snapshot.xmin() > 0 && position.to_string() == text)
            .ok_or_else(|| InvalidPosition {
                got: text.to_owned(),
            })
    }
}

/// Parses the text of a `pg_snapshot` into xmin, xmax and the open transactions.
fn numbers(text: &str) -> Option<(u64, u64, Vec<u64>)> {
    let (xmin, rest) = text.split_once(':')?;
    let (xmax, open) = rest.split_once(':')?;
    let open = if open.is_empty() {
        vec![]
    } else {
        open.split(',')
            .map(|xact| xact.parse().ok())
            .collect::<Option<_>>()?
    };
    Some((xmin.parse().ok()?, xmax.parse().ok()?, open))
}

#[cfg(test)]
mod tests;
