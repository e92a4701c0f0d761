//! The journalled tables that are measured, and the functions that measure them on the server.

/// One of the journalled tables: how its rows come, change and go, and what events the journal makes of them.
#[derive(Debug)]
pub struct Subject {
    /// The table.
    pub table: &'static str,
    columns: &'static str,
    /// A row for each `s` of `bench.source`.
    values: &'static str,
    change: &'static str,
    /// What picks the rows of `bench.source` from `a` to `b`.
    range: &'static str,
    /// What picks the one row of `s`.
    one: &'static str,
    pkey: &'static str,
    /// The other columns, when the row comes and when it goes.
    fields: [&'static str; 2],
    /// Whether its rows are new kernel versions; otherwise they are about such as are there before.
    pub is_kver: bool,
}

const VERSIONS: &str = "t.distro = 'debian12' AND t.version BETWEEN (SELECT s.version FROM bench.source s WHERE s.n = a)
                                                       AND (SELECT s.version FROM bench.source s WHERE s.n = b)";

/// What the goals ask for: a table with a key of text, one that marks as deleted and has an id, and one with a time.
pub const SUBJECTS: [Subject; 3] = [
    Subject {
        table: "kver",
        columns: "distro, version, archived",
        values: "s.distro, s.version, s.archived",
        change: "archived = NOT t.archived",
        range: VERSIONS,
        one: "t.distro = s.distro AND t.version = s.version",
        pkey: "jsonb_build_object('distro', s.distro, 'version', s.version)",
        fields: ["jsonb_build_object('archived', s.archived)", "jsonb_build_object('archived', s.archived_then)"],
        is_kver: true,
    },
    Subject {
        table: "cust_host_kver",
        columns: "cluster_name, host_name, distro, version, current, deleted_at",
        values: "'bench', s.host, s.distro, s.version, s.current, s.deleted_at",
        change: "deleted_at = '2026-06-01 12:00:00.123456+00'",
        range: "t.cluster_name = 'bench' AND t.host_name BETWEEN (SELECT s.host FROM bench.source s WHERE s.n = a)
                                                       AND (SELECT s.host FROM bench.source s WHERE s.n = b)",
        one: "t.cluster_name = 'bench' AND t.host_name = s.host",
        pkey: "jsonb_build_object('id', s.n, 'cluster_name', 'bench', 'host_name', s.host, 'distro', s.distro, 'version', s.version)",
        fields: [
            "jsonb_build_object('current', s.current, 'deleted_at', s.deleted_at)",
            "jsonb_build_object('current', s.current, 'deleted_at', s.deleted_then)",
        ],
        is_kver: false,
    },
    Subject {
        table: "kver_seen",
        columns: "distro, version, tstamp",
        values: "s.distro, s.version, s.tstamp",
        change: "tstamp = t.tstamp + interval '1 hour'",
        range: VERSIONS,
        one: "t.distro = s.distro AND t.version = s.version",
        pkey: "jsonb_build_object('distro', s.distro, 'version', s.version)",
        fields: ["jsonb_build_object('tstamp', s.tstamp)", "jsonb_build_object('tstamp', s.tstamp_then)"],
        is_kver: false,
    },
];

/// `kver`, which the goals about one table are measured at.
pub const KVER: &Subject = &SUBJECTS[0];

/// The measuring functions of all subjects.
pub fn functions() -> String {
    let single = [
        measured("nothing", "PERFORM pg_current_xact_id();\n    touched := 0;"),
        measured(
            "events_before",
            "INSERT INTO public.event (generation, table_name, action, pkey, fields)
    SELECT 0, 'none', 'insert', jsonb_build_object('place', n, 'text', repeat('x', 60)), '{}' FROM generate_series(a, b) AS n;",
        ),
        measured("generation_alone", "PERFORM public.generation_id();\n    touched := 1;"),
        measured("wanted_insert", &wanted_body("'distro' || 1 + n % 20")),
        measured("crowded_insert", &wanted_body("'distro1'")),
    ];
    SUBJECTS.iter().flat_map(Subject::measuring).chain(single).collect()
}

/// Inserts versions of the distribution that `distro` tells, row by row.
fn wanted_body(distro: &str) -> String {
    format!(
        "FOR n IN a..b LOOP
        INSERT INTO public.kver (distro, version) VALUES ({distro}, format('7.0.0-%s-amd64', lpad(n::text, 7, '0')));
    END LOOP;
    touched := b - a + 1;"
    )
}

/// A change of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Rows come.
    Insert,
    /// Rows change, or are marked as deleted.
    Update,
    /// Rows go.
    Delete,
}

impl Change {
    /// In the order in which they can follow each other.
    pub const ALL: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// As the event's action is called.
    pub fn action(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Subject {
    /// What the update of this table is, for people.
    pub fn word(&self, change: Change) -> &'static str {
        if change == Change::Update && self.change.starts_with("deleted_at") { "soft delete" } else { change.action() }
    }

    /// The first row of `bench.source` to use, where `base` kernel versions are there before.
    pub fn first(&self, base: i64) -> i64 {
        if self.is_kver { base + 1 } else { 1 }
    }

    fn measuring(&self) -> Vec<String> {
        let Self { table, columns, values, change, range, one, .. } = self;
        let rows = "FROM bench.source s WHERE s.n BETWEEN a AND b";
        let mut made = vec![
            statement(&format!("{table}_insert"), &format!("INSERT INTO public.{table} ({columns}) SELECT {values} {rows}")),
            statement(&format!("{table}_update"), &format!("UPDATE public.{table} t SET {change} WHERE {range}")),
            statement(&format!("{table}_delete"), &format!("DELETE FROM public.{table} t WHERE {range}")),
            statement(
                &format!("{table}_upsert"),
                &format!("INSERT INTO public.{table} ({columns}) SELECT {values} {rows} ON CONFLICT DO NOTHING"),
            ),
            row_by_row(&format!("{table}_insert"), &format!("INSERT INTO public.{table} ({columns}) VALUES ({values})")),
            row_by_row(&format!("{table}_update"), &format!("UPDATE public.{table} t SET {change} WHERE {one}")),
            row_by_row(&format!("{table}_delete"), &format!("DELETE FROM public.{table} t WHERE {one}")),
        ];
        let pkey = self.pkey;
        for (action, fields) in ["insert", "delete"].into_iter().zip(self.fields) {
            made.push(statement(
                &format!("{table}_{action}_events"),
                &format!(
                    "INSERT INTO public.event (generation, table_name, action, pkey, fields)
                     SELECT (SELECT pg_current_xact_id()::text::bigint), '{table}', '{action}', {pkey}, {fields} {rows}"
                ),
            ));
        }
        made
    }
}

/// A function that runs one statement about the rows from `a` to `b`, and tells what it cost. Its plan is kept in the session,
/// so that planning takes no part.
fn statement(name: &str, sql: &str) -> String {
    measured(name, &format!("{sql};\n    GET DIAGNOSTICS touched = ROW_COUNT;"))
}

/// The same for a statement a row.
fn row_by_row(name: &str, sql: &str) -> String {
    let body = format!(
        "DECLARE
        s record;
    BEGIN
        touched := 0;
        FOR s IN SELECT r.* FROM bench.source r WHERE r.n BETWEEN a AND b LOOP
            {sql};
            touched := touched + 1;
        END LOOP;
    END;"
    );
    measured(&format!("{name}_row_by_row"), &body)
}

/// A function with this body between two looks at the clock and at the WAL.
pub fn measured(name: &str, body: &str) -> String {
    format!(
        "CREATE FUNCTION bench.{name}(a bigint, b bigint, OUT seconds double precision, OUT wal_bytes double precision,
                                      OUT touched bigint)
LANGUAGE plpgsql AS $function$
DECLARE
    lsn_before constant pg_lsn := pg_current_wal_insert_lsn();
    started constant timestamptz := clock_timestamp();
BEGIN
    {body}
    seconds := extract(epoch FROM clock_timestamp() - started);
    wal_bytes := pg_current_wal_insert_lsn() - lsn_before;
END
$function$;
"
    )
}
