//! A model of statements and rows in memory. It implements the tables and the rules of SQL, but no
//! journal.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::statement::{Conflict, Expression, Filter, Kind, Matched, Set, Statement};
use super::tables::{TABLES, Table, named};

/// The columns of a row, including generated ones.
pub type Row = BTreeMap<&'static str, Value>;

/// The name of a table, and columns of a row as JSON: its primary key, `event.pkey`, or
/// `event.pkey` without the id.
pub type Key = (&'static str, String);

/// All rows of all tables, by primary key.
pub type Rows = BTreeMap<Key, Row>;

/// The change of one row by a statement.
#[derive(Debug, Clone)]
pub struct Change {
    pub table: &'static Table,
    pub old: Option<Row>,
    pub new: Option<Row>,
}

/// The effect of a statement that succeeds.
#[derive(Debug)]
pub struct Effect {
    view: Rows,
    pub changes: Vec<Change>,
    /// The ids that an insert returns. New ids are negative until the server assigns them.
    pub returned: Vec<i64>,
    inserted: i64,
}

/// Returns columns of a row as a key.
pub fn key(table: &Table, row: &Row, columns: &[&'static str]) -> Key {
    (
        table.name,
        json(
            columns
                .iter()
                .map(|column| (*column, row[column].clone()))
                .collect(),
        ),
    )
}

pub fn primary_key(table: &Table, row: &Row) -> Key {
    key(table, row, table.primary_key())
}

/// Returns the key of a row in the journal (`event.pkey`).
pub fn journal_key(table: &Table, row: &Row) -> Key {
    let id: &[_] = if table.has_id { &["id"] } else { &[] };
    key(table, row, &[id, table.key].concat())
}

/// Returns the identity of a record, which does not change if the record is deleted and inserted
/// again.
pub fn record(table: &Table, row: &Row) -> Key {
    if table.key.is_empty() {
        primary_key(table, row)
    } else {
        key(table, row, table.key)
    }
}

/// Returns a row as JSON text.
pub fn json(row: Row) -> String {
    Value::Object(
        row.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
    .to_string()
}

/// Returns the records that a statement changed: inserted and deleted rows, and rows with updated
/// values.
pub fn touched(changes: &[Change]) -> BTreeSet<Key> {
    let mut touched = BTreeSet::new();
    let mut updated: BTreeMap<Key, (Vec<&Row>, Vec<&Row>)> = BTreeMap::new();
    for Change { table, old, new } in changes {
        match (old, new) {
            (Some(old), Some(new)) => {
                updated
                    .entry(journal_key(table, old))
                    .or_default()
                    .0
                    .push(old);
                updated
                    .entry(journal_key(table, new))
                    .or_default()
                    .1
                    .push(new);
            }
            (old, new) => touched.extend(old.iter().chain(new).map(|row| record(table, row))),
        }
    }
    for ((table, _), (old, new)) in &updated {
        if old != new {
            touched.extend(old.iter().chain(new).map(|row| record(named(table), row)));
        }
    }
    touched
}

/// Returns the violation of a foreign key or unique key by these rows, if there is one.
pub fn broken(rows: &Rows) -> Option<String> {
    let mut unique = BTreeSet::new();
    for ((name, _), row) in rows {
        let table = named(name);
        for parent in table.parents {
            let wanted: Row = parent
                .key
                .iter()
                .zip(parent.own)
                .map(|(key, own)| (*key, row[own].clone()))
                .collect();
            if !rows.contains_key(&(parent.table, json(wanted))) {
                return Some(format!(
                    "{name} {row:?} references no row of {}",
                    parent.table
                ));
            }
        }
        for (kind, key) in unique_keys(table, row) {
            if !unique.insert((kind, key)) {
                return Some(format!(
                    "{name} contains two rows with a unique key of {row:?}"
                ));
            }
        }
    }
    None
}

/// Returns the unique keys of a row that another row can violate.
fn unique_keys(table: &Table, row: &Row) -> Vec<(u8, Key)> {
    let mut keys = vec![(0, key(table, row, &table.conflict_target()))];
    keys.retain(|_| !table.key.is_empty());
    if table.name == "cust_host_kver" && row["current"] == true && row["deleted_at"] == "-infinity"
    {
        keys.push((1, key(table, row, &["cluster_name", "host_name"])));
    }
    keys
}

impl Effect {
    /// Computes the effect of a statement on rows.
    pub fn of(statement: &Statement, view: &Rows) -> Self {
        let mut effect = Self {
            view: view.clone(),
            changes: vec![],
            returned: vec![],
            inserted: 0,
        };
        let table = statement.table();
        match &statement.kind {
            Kind::Insert { rows, conflict } => {
                for cells in rows {
                    effect.insert_or(table, row_of(table, cells), conflict);
                }
            }
            Kind::Update { filter, set } => {
                for row in matching(table, view, filter) {
                    effect.put(table, Some(row.clone()), Some(with(table, row, set)));
                }
            }
            Kind::Delete { filter } => {
                for row in matching(table, view, filter) {
                    effect.put(table, Some(row.clone()), None);
                }
            }
            Kind::Merge {
                rows,
                matched,
                insert,
            } => {
                for (wanted, cells) in rows {
                    let wanted = record(table, &row_of(table, wanted));
                    let is_wanted = |row: &&Row| {
                        record(table, row) == wanted
                            && (!table.has_id || row["deleted_at"] == "-infinity")
                    };
                    let found: Vec<_> = of_table(table, view).filter(is_wanted).collect();
                    if found.is_empty() && *insert {
                        effect.put(table, None, Some(row_of(table, cells)));
                    }
                    for row in found {
                        match matched {
                            Matched::Nothing => {}
                            Matched::Update(set) => {
                                effect.put(table, Some(row.clone()), Some(with(table, row, set)));
                            }
                            Matched::Delete => effect.put(table, Some(row.clone()), None),
                        }
                    }
                }
            }
            Kind::Replace { filter, set } => {
                let gone: Vec<_> = matching(table, view, filter).collect();
                for row in &gone {
                    effect.put(table, Some((*row).clone()), None);
                }
                for row in gone {
                    effect.put(table, None, Some(with(table, row, set)));
                }
            }
        }
        effect
    }

    fn insert_or(&mut self, table: &'static Table, row: Row, conflict: &Conflict) {
        let target = key(table, &row, &table.conflict_target());
        match conflict {
            Conflict::Nothing => {
                let keys = unique_keys(table, &row);
                if of_table(table, &self.view).any(|other| {
                    unique_keys(table, other)
                        .iter()
                        .any(|key| keys.contains(key))
                }) {
                    return;
                }
            }
            Conflict::Update(set) => {
                let found = of_table(table, &self.view)
                    .find(|other| key(table, other, &table.conflict_target()) == target);
                if let Some(found) = found.cloned() {
                    self.returned
                        .extend(found.get("id").and_then(Value::as_i64));
                    let new = with(table, &found, set);
                    return self.put(table, Some(found), Some(new));
                }
            }
            Conflict::Error => {}
        }
        self.put(table, None, Some(row));
        self.returned.extend(table.has_id.then_some(-self.inserted));
    }

    /// Changes a row, and the rows that reference its key with ON UPDATE CASCADE.
    fn put(&mut self, table: &'static Table, old: Option<Row>, mut new: Option<Row>) {
        if let (None, Some(new), true) = (&old, &mut new, table.has_id) {
            self.inserted += 1;
            new.insert("id", (-self.inserted).into());
        }
        if let Some(old) = &old {
            self.view.remove(&primary_key(table, old));
        }
        if let Some(new) = &new {
            self.view.insert(primary_key(table, new), new.clone());
        }
        self.changes.push(Change {
            table,
            old: old.clone(),
            new: new.clone(),
        });
        let (Some(old), Some(new)) = (old, new) else {
            return;
        };
        for child in &TABLES {
            for parent in child
                .parents
                .iter()
                .filter(|parent| parent.table == table.name)
            {
                if parent.key.iter().all(|column| old[column] == new[column]) {
                    continue;
                }
                let is_referencing = |row: &&Row| {
                    parent
                        .own
                        .iter()
                        .zip(parent.key)
                        .all(|(own, key)| row[own] == old[key])
                };
                let referencing: Vec<_> = of_table(child, &self.view)
                    .filter(is_referencing)
                    .cloned()
                    .collect();
                for row in referencing {
                    let mut moved = row.clone();
                    moved.extend(
                        parent
                            .own
                            .iter()
                            .zip(parent.key)
                            .map(|(own, key)| (*own, new[key].clone())),
                    );
                    self.put(child, Some(row), Some(moved));
                }
            }
        }
    }

    /// Sets the ids that the server assigned to inserted rows.
    pub fn set_ids(&mut self, ids: &BTreeMap<i64, i64>) {
        for row in self
            .changes
            .iter_mut()
            .flat_map(|change| change.old.iter_mut().chain(&mut change.new))
        {
            if let Some(id) = row
                .get("id")
                .and_then(Value::as_i64)
                .and_then(|id| ids.get(&id))
            {
                row.insert("id", (*id).into());
            }
        }
    }
}

fn of_table<'a>(table: &'static Table, rows: &'a Rows) -> impl Iterator<Item = &'a Row> {
    rows.iter()
        .filter(|((name, _), _)| *name == table.name)
        .map(|(_, row)| row)
}

fn matching<'a>(
    table: &'static Table,
    rows: &'a Rows,
    filter: &Filter,
) -> impl Iterator<Item = &'a Row> {
    let conditions: Vec<_> = filter
        .iter()
        .map(|(column, value)| (table.column(*column), *value))
        .collect();
    of_table(table, rows).filter(move |row| {
        conditions
            .iter()
            .all(|(column, value)| row[column.name] == column.json(*value))
    })
}

/// Returns a new row without an id.
fn row_of(table: &Table, cells: &[u8]) -> Row {
    let mut row: Row = table
        .columns
        .iter()
        .zip(cells)
        .map(|(column, value)| (column.name, column.json(*value)))
        .collect();
    if table.name == "sp_build" {
        row.extend(
            [
                "storpool_revision",
                "change_id",
                "release_target",
                "dockernel_profile",
            ]
            .map(|name| (name, Value::Null)),
        );
    }
    generate(table, &mut row);
    row
}

fn with(table: &Table, row: &Row, set: &[Set]) -> Row {
    let mut new = row.clone();
    for assignment in set {
        let column = table.column(assignment.column);
        let value = match assignment.to {
            Expression::Value(value) => column.json(value),
            Expression::Not if column.is_boolean() => (row[column.name] == false).into(),
            Expression::Whether(other, value) if column.is_boolean() => {
                let other = table.column(other);
                (row[other.name] == other.json(value)).into()
            }
            Expression::Not | Expression::Whether(..) => column.json(0),
        };
        new.insert(column.name, value);
    }
    generate(table, &mut new);
    new
}

fn generate(table: &Table, row: &mut Row) {
    if table.name == "sp_build" {
        let success = row["result"]
            .as_str()
            .map(|result| result.to_uppercase() == "SUCCESS");
        row.insert("success", success.into());
    }
}
