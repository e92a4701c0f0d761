//! Random statements, and their SQL.

use proptest::collection::vec;
use proptest::prelude::*;

use super::tables::{Column, TABLES, Table};

/// One value for each column of a table, as indexes into the pools of the columns.
pub type Cells = Vec<u8>;

/// A condition on columns and values, as indexes.
pub type Filter = Vec<(u8, u8)>;

#[derive(Debug, Clone)]
pub struct Set {
    pub column: u8,
    pub to: Expression,
}

#[derive(Debug, Clone)]
pub enum Expression {
    Value(u8),
    /// The negation of a boolean column; the first value of a column of a different type.
    Not,
    /// A boolean: whether another column has a value; the first value of a column of a different
    /// type.
    Whether(u8, u8),
}

#[derive(Debug, Clone)]
pub enum Conflict {
    Error,
    Nothing,
    Update(Vec<Set>),
}

#[derive(Debug, Clone)]
pub enum Matched {
    Nothing,
    Update(Vec<Set>),
    Delete,
}

#[derive(Debug, Clone)]
pub enum Kind {
    Insert {
        rows: Vec<Cells>,
        conflict: Conflict,
    },
    Update {
        filter: Filter,
        set: Vec<Set>,
    },
    Delete {
        filter: Filter,
    },
    /// `MERGE`: the key to match, and the row to insert if no row matches.
    Merge {
        rows: Vec<(Cells, Cells)>,
        matched: Matched,
        insert: bool,
    },
    /// Deletes rows and inserts them again with other values in one statement.
    Replace {
        filter: Filter,
        set: Vec<Set>,
    },
}

#[derive(Debug, Clone)]
pub struct Statement {
    pub table: usize,
    pub kind: Kind,
}

impl Statement {
    pub fn table(&self) -> &'static Table {
        &TABLES[self.table]
    }

    /// Returns the SQL. An insert into a table with an id returns the ids.
    pub fn sql(&self) -> String {
        let table = self.table();
        let Table { name, .. } = table;
        let columns = columns_of(table, "");
        match &self.kind {
            Kind::Insert { rows, conflict } => {
                let rows: Vec<_> = rows
                    .iter()
                    .map(|cells| format!("({})", values_of(table, cells)))
                    .collect();
                let conflict = match conflict {
                    Conflict::Error => String::new(),
                    Conflict::Nothing => " ON CONFLICT DO NOTHING".to_owned(),
                    Conflict::Update(set) => {
                        let target = table.conflict_target().join(", ");
                        format!(
                            " ON CONFLICT ({target}) DO UPDATE SET {}",
                            set_of(table, set, "t.")
                        )
                    }
                };
                let returning = if table.has_id { " RETURNING id" } else { "" };
                format!(
                    "INSERT INTO {name} AS t ({columns}) VALUES {}{conflict}{returning}",
                    rows.join(", ")
                )
            }
            Kind::Update { filter, set } => {
                format!(
                    "UPDATE {name} AS t SET {} WHERE {}",
                    set_of(table, set, "t."),
                    filter_of(table, filter)
                )
            }
            Kind::Delete { filter } => {
                format!("DELETE FROM {name} AS t WHERE {}", filter_of(table, filter))
            }
            Kind::Merge {
                rows,
                matched,
                insert,
            } => {
                let source: Vec<_> = rows
                    .iter()
                    .map(|(wanted, row)| {
                        format!("({}, {})", values_of(table, wanted), values_of(table, row))
                    })
                    .collect();
                let alias = format!("{}, {columns}", columns_of(table, "wanted_"));
                let live = if table.has_id {
                    " AND t.deleted_at = '-infinity'"
                } else {
                    ""
                };
                let on: Vec<_> = table
                    .key
                    .iter()
                    .map(|key| format!("t.{key} = s.wanted_{key}"))
                    .collect();
                let matched = match matched {
                    Matched::Nothing => "DO NOTHING".to_owned(),
                    Matched::Update(set) => format!("UPDATE SET {}", set_of(table, set, "t.")),
                    Matched::Delete => "DELETE".to_owned(),
                };
                let insert = if *insert {
                    format!(
                        " WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({})",
                        columns_of(table, "s.")
                    )
                } else {
                    String::new()
                };
                format!(
                    "MERGE INTO {name} AS t USING (VALUES {}) AS s ({alias}) ON {}{live} WHEN MATCHED THEN {matched}{insert}",
                    source.join(", "),
                    on.join(" AND ")
                )
            }
            Kind::Replace { filter, set } => {
                let value = |column: &Column| match set
                    .iter()
                    .find(|set| table.column(set.column).name == column.name)
                {
                    Some(set) => expression_of(table, set, "gone."),
                    None => format!("gone.{}", column.name),
                };
                format!(
                    "WITH gone AS (DELETE FROM {name} AS t WHERE {} RETURNING *) INSERT INTO {name} ({columns}) SELECT {} FROM gone",
                    filter_of(table, filter),
                    table
                        .columns
                        .iter()
                        .map(value)
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
        }
    }
}

/// Generates random statements.
pub fn statements() -> impl Strategy<Value = Statement> {
    let table = prop_oneof![1 => Just(0), 4 => Just(1), 2 => Just(2), 4 => Just(3), 2 => Just(4), 4 => Just(5), 2 => Just(6), 2 => Just(7)];
    table.prop_flat_map(|table| {
        kinds(&TABLES[table]).prop_map(move |kind| Statement { table, kind })
    })
}

fn kinds(table: &'static Table) -> impl Strategy<Value = Kind> {
    let cells = || vec(any::<u8>(), table.columns.len());
    let filter = || vec((any::<u8>(), any::<u8>()), 0..3);
    let to = prop_oneof![
        4 => any::<u8>().prop_map(Expression::Value),
        1 => Just(Expression::Not),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(column, value)| Expression::Whether(column, value)),
    ];
    let assignment = (any::<u8>(), to).prop_map(|(column, to)| Set { column, to });
    let set = vec(assignment, 1..3)
        .prop_map(|set| once_each(table, set))
        .boxed();
    let conflict = prop_oneof![
        Just(Conflict::Error),
        Just(Conflict::Nothing),
        set.clone().prop_map(|set| if table.key.is_empty() {
            Conflict::Nothing
        } else {
            Conflict::Update(set)
        }),
    ];
    let matched = prop_oneof![
        Just(Matched::Nothing),
        set.clone().prop_map(Matched::Update),
        Just(Matched::Delete)
    ];
    let update = (filter(), set.clone()).prop_map(|(filter, set)| Kind::Update { filter, set });
    let by_key = u32::from(!table.key.is_empty());
    prop_oneof![
        8 => (vec(cells(), 1..4), conflict).prop_map(|(rows, conflict)| Kind::Insert { rows, conflict }),
        8 => update,
        3 => filter().prop_map(|filter| Kind::Delete { filter }),
        4 * by_key => (vec((cells(), cells()), 1..4), matched, any::<bool>())
            .prop_map(|(rows, matched, insert)| Kind::Merge { rows, matched, insert }),
        2 * by_key => (filter(), set).prop_map(|(filter, set)| Kind::Replace { filter, set }),
    ]
}

/// Keeps the first assignment of each column.
fn once_each(table: &Table, mut set: Vec<Set>) -> Vec<Set> {
    let mut names = vec![];
    set.retain(|assignment| {
        let name = table.column(assignment.column).name;
        let new = !names.contains(&name);
        names.push(name);
        new
    });
    set
}

fn columns_of(table: &Table, prefix: &str) -> String {
    table
        .columns
        .iter()
        .map(|column| format!("{prefix}{}", column.name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn values_of(table: &Table, cells: &Cells) -> String {
    table
        .columns
        .iter()
        .zip(cells)
        .map(|(column, value)| column.sql(*value))
        .collect::<Vec<_>>()
        .join(", ")
}

fn set_of(table: &Table, set: &[Set], row: &str) -> String {
    let assignment = |set: &Set| {
        format!(
            "{} = {}",
            table.column(set.column).name,
            expression_of(table, set, row)
        )
    };
    set.iter().map(assignment).collect::<Vec<_>>().join(", ")
}

fn expression_of(table: &Table, set: &Set, row: &str) -> String {
    let column = table.column(set.column);
    match set.to {
        Expression::Value(value) => column.sql(value),
        Expression::Not if column.is_boolean() => format!("NOT {row}{}", column.name),
        Expression::Whether(other, value) if column.is_boolean() => {
            let other = table.column(other);
            format!(
                "({row}{} IS NOT DISTINCT FROM {})",
                other.name,
                other.sql(value)
            )
        }
        Expression::Not | Expression::Whether(..) => column.sql(0),
    }
}

fn filter_of(table: &Table, filter: &Filter) -> String {
    let condition = |(column, value): &(u8, u8)| {
        let column = table.column(*column);
        format!(
            "t.{} IS NOT DISTINCT FROM {}",
            column.name,
            column.sql(*value)
        )
    };
    filter
        .iter()
        .map(condition)
        .chain(["true".to_owned()])
        .collect::<Vec<_>>()
        .join(" AND ")
}
