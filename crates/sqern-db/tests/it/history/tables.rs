//! The tables of random histories. They have few columns and values, so that statements often
//! affect the same rows.

use serde_json::Value;

/// A column that statements write.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    sql_type: &'static str,
    /// Values as SQL literals, each with the JSON that PostgreSQL returns for it in UTC.
    pool: &'static [(&'static str, &'static str)],
}

/// A foreign key with ON UPDATE CASCADE.
#[derive(Debug)]
pub struct Parent {
    pub own: &'static [&'static str],
    pub table: &'static str,
    pub key: &'static [&'static str],
}

/// A table, as defined by its migration.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub has_id: bool,
    /// The natural key of a record: without id and `deleted_at`. Empty if only the id identifies a
    /// record.
    pub key: &'static [&'static str],
    pub columns: &'static [Column],
    pub parents: &'static [Parent],
}

type Pool = &'static [(&'static str, &'static str)];

const fn column(name: &'static str, sql_type: &'static str, pool: Pool) -> Column {
    Column {
        name,
        sql_type,
        pool,
    }
}

const DISTRO: Pool = &[("'a'", "\"a\""), ("'b'", "\"b\""), ("'c'", "\"c\"")];
const VERSION: Pool = &[
    ("'1'", "\"1\""),
    ("'2'", "\"2\""),
    ("'3'", "\"3\""),
    ("'4'", "\"4\""),
    ("'12'", "\"12\""),
    ("'5~rc1+b_2:3'", "\"5~rc1+b_2:3\""),
];
const PATTERN: Pool = &[
    ("'1%'", "\"1%\""),
    ("'%2'", "\"%2\""),
    ("'_'", "\"_\""),
    ("'%5%'", "\"%5%\""),
];
const BOOLEAN: Pool = &[("false", "false"), ("true", "true")];
const TIME: Pool = &[
    ("'2026-01-02 03:04:05+02'", "\"2026-01-02T01:04:05+00:00\""),
    (
        "'2026-07-01 00:00:00.123456-07'",
        "\"2026-07-01T07:00:00.123456+00:00\"",
    ),
];
/// Mostly live, because a deleted row conflicts with fewer rows.
const DELETED_AT: Pool = &[
    ("'-infinity'", "\"-infinity\""),
    (
        "'2026-02-03 04:05:06+05:30'",
        "\"2026-02-02T22:35:06+00:00\"",
    ),
    ("'-infinity'", "\"-infinity\""),
    ("'2026-03-01 00:00:00+00'", "\"2026-03-01T00:00:00+00:00\""),
    ("'-infinity'", "\"-infinity\""),
];
const CLUSTER: Pool = &[
    ("'c1'", "\"c1\""),
    ("'c2'", "\"c2\""),
    ("'c3'", "\"c3\""),
    ("'it''s \"5\" \\'", "\"it's \\\"5\\\" \\\\\""),
];
const KVER: Parent = Parent {
    own: &["distro", "version"],
    table: "kver",
    key: &["distro", "version"],
};
const OF_DISTRO: Parent = Parent {
    own: &["distro"],
    table: "distro",
    key: &["name"],
};

pub const TABLES: [Table; 8] = [
    Table {
        name: "distro",
        has_id: false,
        key: &["name"],
        columns: &[
            column("name", "text", DISTRO),
            column("variant", "text", &[("'X'", "\"X\""), ("'Y'", "\"Y\"")]),
            column("supported", "boolean", BOOLEAN),
        ],
        parents: &[],
    },
    Table {
        name: "kver",
        has_id: false,
        key: &["distro", "version"],
        columns: &[
            column("distro", "text", DISTRO),
            column("version", "text", VERSION),
            column("archived", "boolean", BOOLEAN),
        ],
        parents: &[OF_DISTRO],
    },
    Table {
        name: "kver_seen",
        has_id: false,
        key: &["distro", "version"],
        columns: &[
            column("distro", "text", DISTRO),
            column("version", "text", VERSION),
            column("tstamp", "timestamptz", TIME),
        ],
        parents: &[KVER],
    },
    Table {
        name: "kver_ignore",
        has_id: true,
        key: &["distro", "pattern"],
        columns: &[
            column("distro", "text", DISTRO),
            column("pattern", "text", PATTERN),
            column(
                "comment",
                "text",
                &[("NULL", "null"), ("'why'", "\"why\""), ("''", "\"\"")],
            ),
            column("deleted_at", "timestamptz", DELETED_AT),
        ],
        parents: &[OF_DISTRO],
    },
    Table {
        name: "cust_cluster",
        has_id: false,
        key: &["name"],
        columns: &[
            column("name", "text", CLUSTER),
            column("cltype", "integer", &[("1", "1"), ("2", "2")]),
            column("deleted_at", "timestamptz", DELETED_AT),
        ],
        parents: &[],
    },
    Table {
        name: "cust_host_kver",
        has_id: true,
        key: &["cluster_name", "host_name", "distro", "version"],
        columns: &[
            column("cluster_name", "text", CLUSTER),
            column(
                "host_name",
                "text",
                &[("'h1'", "\"h1\""), ("'h2'", "\"h2\"")],
            ),
            column("distro", "text", DISTRO),
            column("version", "text", VERSION),
            column("current", "boolean", BOOLEAN),
            column("deleted_at", "timestamptz", DELETED_AT),
        ],
        parents: &[
            KVER,
            Parent {
                own: &["cluster_name"],
                table: "cust_cluster",
                key: &["name"],
            },
        ],
    },
    Table {
        name: "sp_build",
        has_id: true,
        key: &[],
        columns: &[
            column(
                "jenkins_job",
                "text",
                &[("'j1'", "\"j1\""), ("'j2'", "\"j2\""), ("NULL", "null")],
            ),
            column(
                "result",
                "text",
                &[
                    ("NULL", "null"),
                    ("'SUCCESS'", "\"SUCCESS\""),
                    ("'failure'", "\"failure\""),
                ],
            ),
            column("tstamp", "timestamptz", TIME),
            column("official", "boolean", BOOLEAN),
            column("deleted_at", "timestamptz", DELETED_AT),
        ],
        parents: &[],
    },
    Table {
        name: "sp_available_kver",
        has_id: true,
        key: &["storpool_revision", "release_target", "distro", "version"],
        columns: &[
            column("storpool_revision", "text", &[("'r1'", "\"r1\"")]),
            column(
                "release_target",
                "text",
                &[("'t1'", "\"t1\""), ("'t2'", "\"t2\"")],
            ),
            column("distro", "text", DISTRO),
            column("version", "text", VERSION),
            column("tstamp", "timestamptz", TIME),
            column("deleted_at", "timestamptz", DELETED_AT),
        ],
        parents: &[KVER],
    },
];

/// Returns the table with this name.
pub fn named(name: &str) -> &'static Table {
    TABLES
        .iter()
        .find(|table| table.name == name)
        .expect("a table of the histories")
}

impl Column {
    /// Returns a value, selected by number, as an SQL expression of the type of the column.
    pub fn sql(&self, value: u8) -> String {
        format!(
            "{}::{}",
            self.pool[usize::from(value) % self.pool.len()].0,
            self.sql_type
        )
    }

    /// Returns the same value as the JSON of PostgreSQL.
    pub fn json(&self, value: u8) -> Value {
        let text = self.pool[usize::from(value) % self.pool.len()].1;
        serde_json::from_str(text).expect("the pools contain JSON")
    }

    pub fn is_boolean(&self) -> bool {
        self.sql_type == "boolean"
    }
}

impl Table {
    /// Returns the columns of the primary key.
    pub fn primary_key(&self) -> &'static [&'static str] {
        if self.has_id { &["id"] } else { self.key }
    }

    /// Returns the conflict target of an upsert: the unique key with `deleted_at` if there is one,
    /// else the primary key.
    pub fn conflict_target(&self) -> Vec<&'static str> {
        let deleted_at = (self.has_id && !self.key.is_empty()).then_some("deleted_at");
        self.key.iter().copied().chain(deleted_at).collect()
    }

    pub fn column(&self, number: u8) -> &'static Column {
        &self.columns[usize::from(number) % self.columns.len()]
    }
}
