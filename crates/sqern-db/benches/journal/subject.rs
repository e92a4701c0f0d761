//! The measured tables, and the SQL functions that measure them.

/// A journaled table with its inserts, updates and deletes, and the resulting events.
#[derive(Debug)]
pub struct Subject {
    /// The name of the table.
    pub table: &'static str,
    columns: &'static str,
    /// The values of the row for row `s` of `bench.source`.
    values: &'static str,
    change: &'static str,
    /// The condition for the rows for `a` to `b` of `bench.source`.
    range: &'static str,
    /// The condition for the row for row `s` of `bench.source`.
    key: &'static str,
    pkey: &'static str,
    /// The other columns in the events of the insert and of the delete.
    fields: [&'static str; 2],
    /// Whether its rows are new kernel versions. Otherwise they reference existing versions.
    pub is_kver: bool,
}

const VERSIONS: &str = "t.distro = 'debian12' AND t.version BETWEEN (SELECT s.version FROM bench.source s WHERE s.n = a)
                                                       AND (SELECT s.version FROM bench.source s WHERE s.n = b)";

/// A table with a text key, a table with an id and soft deletion, and a table with a timestamp.
pub const SUBJECTS: [Subject; 3] = [
    Subject {
        table: "kver",
        columns: "distro, version, archived",
        values: "s.distro, s.version, s.archived",
        change: "archived = NOT t.archived",
        range: VERSIONS,
        key: "t.distro = s.distro AND t.version = s.version",
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
        key: "t.cluster_name = 'bench' AND t.host_name = s.host",
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
        key: "t.distro = s.distro AND t.version = s.version",
        pkey: "jsonb_build_object('distro', s.distro, 'version', s.version)",
        fields: ["jsonb_build_object('tstamp', s.tstamp)", "jsonb_build_object('tstamp', s.tstamp_then)"],
        is_kver: false,
    },
];

/// `kver`, the table for goals with only one table.
pub const KVER: &Subject = &SUBJECTS[0];

/// Returns the measuring functions of all tables.
pub fn functions() -> String {
    let single = [
        measured("nothing", "PERFORM pg_current_xact_id();\n    touched := 0;"),
        measured(
            "events_before",
            "INSERT INTO public.event (generation, table_name, action, pkey, fields)
    SELECT 0, 'none', 'insert', jsonb_build_object('number', n, 'text', repeat('x', 60)), '{}' FROM generate_series(a, b) AS n;",
        ),
        measured("generation_alone", "PERFORM public.generation_id();\n    touched := 1;"),
        measured("wanted_insert", &wanted_body("'distro' || 1 + n % 20")),
        measured("crowded_insert", &wanted_body("'distro1'")),
    ];
    SUBJECTS
        .iter()
        .flat_map(Subject::measuring)
        .chain(single)
        .collect()
}

/// Returns a loop that inserts versions one by one. `distro` is an SQL expression.
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
    /// Rows are inserted.
    Insert,
    /// Rows are updated, or marked as deleted.
    Update,
    /// Rows are deleted.
    Delete,
}

impl Change {
    /// All changes, in the order in which they can be executed.
    pub const ALL: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// Returns the action of the events.
    pub fn action(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Subject {
    /// Returns the name of a change of this table.
    pub fn label(&self, change: Change) -> &'static str {
        if change == Change::Update && self.change.starts_with("deleted_at") {
            "soft delete"
        } else {
            change.action()
        }
    }

    /// Returns the first row of `bench.source` to use if `base` kernel versions exist.
    pub fn first(&self, base: i64) -> i64 {
        if self.is_kver { base + 1 } else { 1 }
    }

    fn measuring(&self) -> Vec<String> {
        let Self {
            table,
            columns,
            values,
            change,
            range,
            key,
            ..
        } = self;
        let rows = "FROM bench.source s WHERE s.n BETWEEN a AND b";
        let mut functions = vec![
            statement(
                &format!("{table}_insert"),
                &format!("INSERT INTO public.{table} ({columns}) SELECT {values} {rows}"),
            ),
            statement(
                &format!("{table}_update"),
                &format!("UPDATE public.{table} t SET {change} WHERE {range}"),
            ),
            statement(
                &format!("{table}_delete"),
                &format!("DELETE FROM public.{table} t WHERE {range}"),
            ),
            statement(
                &format!("{table}_upsert"),
                &format!(
                    "INSERT INTO public.{table} ({columns}) SELECT {values} {rows} ON CONFLICT DO NOTHING"
                ),
            ),
            row_by_row(
                &format!("{table}_insert"),
                &format!("INSERT INTO public.{table} ({columns}) VALUES ({values})"),
            ),
            row_by_row(
                &format!("{table}_update"),
                &format!("UPDATE public.{table} t SET {change} WHERE {key}"),
            ),
            row_by_row(
                &format!("{table}_delete"),
                &format!("DELETE FROM public.{table} t WHERE {key}"),
            ),
        ];
        let pkey = self.pkey;
        for (action, fields) in ["insert", "delete"].into_iter().zip(self.fields) {
            functions.push(statement(
                &format!("{table}_{action}_events"),
                &format!(
                    "INSERT INTO public.event (generation, table_name, action, pkey, fields)
                     SELECT (SELECT pg_current_xact_id()::text::bigint), '{table}', '{action}', {pkey}, {fields} {rows}"
                ),
            ));
        }
        functions
    }
}

/// Returns a function that runs one statement for the rows `a` to `b`. The session caches its plan,
/// so planning is not measured.
fn statement(name: &str, sql: &str) -> String {
    measured(
        name,
        &format!("{sql};\n    GET DIAGNOSTICS touched = ROW_COUNT;"),
    )
}

/// Returns a function that runs one statement for each row.
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

/// Returns a function that measures the time and the WAL of its body.
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
