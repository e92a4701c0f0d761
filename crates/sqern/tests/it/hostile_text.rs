//! The output of all commands over a database whose texts try to control terminals, to imitate lines
//! and to run formulas.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::process::{Command, Stdio};

use clap::CommandFactory as _;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use sqern_model::escape::{escape_value, is_unprintable};
use tokio_postgres::Client;

use crate::program::{Program, Ran, program_at};
use crate::report;

/// The start of the forged lines.
const FORGED: &str = "FORGED";
/// A text with characters of each kind. After its line breaks, a line would start with [`FORGED`].
const TEXT: &str = "=cmd|'/C calc'!A0\u{1b}]0;title\u{7}\u{9b}2J\r\nFORGED\t\u{202e}\u{200b}\u{2028}FORGED\u{85}FORGED \u{2066}x";
/// A text that the constraints of names permit.
const NAME: &str = "=cmd|\u{202e}\u{200b}\u{ad}\u{2066}\u{feff}x";

/// Rows for the tables that the fixture of reports leaves empty, and values for empty columns.
const ROWS: &str = "
    INSERT INTO kver (distro, version) VALUES ('debian12', '6.1.0-7-amd64');
    INSERT INTO kver_ignore (distro, pattern, comment) VALUES ('debian12', '%-7-amd64', 'x');
    UPDATE sp_build SET jenkins_job = 'x', change_id = 'x', dockernel_profile = 'x';
    INSERT INTO sp_build (storpool_revision, release_target) VALUES ('21.3', 'prod');
    INSERT INTO sp_build_lease (build_id, expires_at, lease, owner) VALUES (4, now() + interval '1 day', '1 day', 'x');
    UPDATE sp_test SET test_cluster = 'x';
    INSERT INTO sp_test (build_id, test_flavor) VALUES (1, 'smoke');
    INSERT INTO sp_test_lease (test_id, expires_at, lease, owner) VALUES (2, now() + interval '1 day', '1 day', 'x');
    INSERT INTO sp_test_kver_log (test_kver_id, host, path, seconds, exit_status, tail)
        SELECT id, 'x', '/x', 1, 2, 'x' FROM sp_test_kver;
    UPDATE sp_test_kver SET result = 'FAILURE' WHERE version LIKE '%-5-amd64';
    INSERT INTO kver_package (distro, version, source, role, name, package_version, architecture, url, size_bytes, checksum)
        SELECT 'debian12', '6.1.0-' || n || '-amd64', 'x', 'headers', 'x', '1', 'amd64', 'http://127.0.0.1/x', 1, repeat('0', 64)
        FROM generate_series(2, 3) AS n;
    INSERT INTO crawl (distro, source, started_at, finished_at, state, reason, warnings, url, etag, checksum, bytes, kernels)
        VALUES ('debian12', 'x', now(), now(), 'failed', 'x', '{x}', 'http://127.0.0.1/x', 'x', 'x', 1, 1);
    INSERT INTO crawl_file VALUES ('debian12', 'x', 'x', 'x', 'x');
    INSERT INTO crawl_index VALUES ('debian12', 'x', 'x', 'x', '[]')";

/// The columns whose constraints permit no such text: keys and references of restricted names, digests
/// and enumerations.
const RESTRICTED: &[&str] = &[
    "crawl.distro",
    "crawl.state",
    "crawl.verified_by",
    "crawl_file.distro",
    "crawl_index.distro",
    "cust_host_kver.distro",
    "cust_host_kver.version",
    "distro.name",
    "kver.distro",
    "kver.version",
    "kver_fetched.distro",
    "kver_fetched.version",
    "kver_ignore.distro",
    "kver_ignored.distro",
    "kver_ignored.version",
    "kver_package.checksum",
    "kver_package.distro",
    "kver_package.role",
    "kver_package.verified_by",
    "kver_package.version",
    "kver_seen.distro",
    "kver_seen.version",
    "sp_available_kver.distro",
    "sp_available_kver.version",
    "sp_build.result",
    "sp_build_kver.distro",
    "sp_build_kver.result",
    "sp_build_kver.version",
    "sp_test_kver.distro",
    "sp_test_kver.result",
    "sp_test_kver.version",
    "sp_test_result.result",
];

/// The arguments of a command, or the reason why it is not run.
type Case = Result<&'static [&'static str], &'static str>;

/// Commands by their names.
const CASES: &[(&str, Case)] = &[
    ("available add", Ok(&["--test", "1", "--dry-run"])),
    ("available list", Ok(&[])),
    ("available remove", Ok(&["--build", "1", "--dry-run"])),
    ("build finish", Ok(&["4", "FAILURE", "--dry-run"])),
    ("build kernels", Ok(&["3"])),
    ("build list", Ok(&[])),
    ("build plan", Ok(&[])),
    ("build renew", Ok(&["4"])),
    (
        "build run",
        Ok(&[
            "--revision",
            "r",
            "--target",
            "t",
            "--command",
            "true",
            "--dry-run",
        ]),
    ),
    ("build show", Ok(&["3"])),
    (
        "build start",
        Ok(&[
            "--revision",
            "r",
            "--target",
            "t",
            "--claim",
            "1",
            "--dry-run",
        ]),
    ),
    (
        "check",
        Ok(&["--sources", "SOURCES", "--distro", "debian12", "--dry-run"]),
    ),
    ("completions", Err("prints no stored text")),
    ("cust hosts", Ok(&[])),
    ("cust list", Ok(&[])),
    ("cust load", Ok(&["REPORT", "--dry-run", "--accept-shrink"])),
    ("cust report", Err("prints names of this machine")),
    ("cust show", Ok(&["CLUSTER"])),
    ("cust type list", Ok(&[])),
    ("db check", Ok(&[])),
    ("db migrate", Ok(&["--dry-run"])),
    ("db prune", Ok(&["--dry-run"])),
    ("db refresh", Ok(&[])),
    ("db status", Ok(&[])),
    ("distro add", Ok(&["debian12", "X", "--dry-run"])),
    ("distro import", Ok(&["--sources", "SOURCES", "--dry-run"])),
    ("distro list", Ok(&[])),
    (
        "distro set",
        Ok(&["debian12", "--unsupported", "--dry-run"]),
    ),
    ("doctor", Ok(&["--offline", "--sources", "SOURCES"])),
    ("event follow", Ok(&["--from", "start", "--once"])),
    ("event list", Ok(&["--limit", "0"])),
    ("fetch", Ok(&["--sources", "SOURCES", "--dry-run"])),
    ("generation archive", Ok(&["ARCHIVE"])),
    ("generation diff", Ok(&["0", "LAST"])),
    ("generation list", Ok(&["--limit", "0"])),
    ("generation revert", Ok(&["2", "--dry-run"])),
    ("generation show", Ok(&["GENERATION"])),
    ("generation verify", Ok(&["ARCHIVE"])),
    ("ignore add", Ok(&["debian12", "=*", "--dry-run"])),
    ("ignore list", Ok(&[])),
    ("ignore remove", Ok(&["debian12", "=*", "--dry-run"])),
    ("init", Err("prints names of this machine")),
    (
        "keyring fetch",
        Ok(&["--sources", "SOURCES", "--distro", "debian12", "--dry-run"]),
    ),
    (
        "keyring import",
        Ok(&["DIRECTORY", "--distro", "debian12", "--dry-run"]),
    ),
    ("keyring list", Ok(&[])),
    ("kver add", Ok(&["debian12/6.1.0-1-amd64", "--dry-run"])),
    ("kver archive", Ok(&["debian12/6.1.0-1-amd64", "--dry-run"])),
    ("kver list", Ok(&[])),
    ("kver show", Ok(&["6.1.0-3-amd64"])),
    (
        "kver unarchive",
        Ok(&["debian12/6.1.0-1-amd64", "--dry-run"]),
    ),
    ("local destroy", Err("prints names of this machine")),
    ("local down", Err("prints names of this machine")),
    ("local dsn", Err("prints names of this machine")),
    ("local psql", Err("runs psql")),
    ("local status", Err("prints names of this machine")),
    ("local up", Err("prints names of this machine")),
    ("man", Err("prints nothing")),
    ("pipeline run", Ok(&["PIPELINE", "--dry-run"])),
    ("report activity", Ok(&["--since", "0", "--kernels"])),
    ("report coverage", Ok(&["--kernels"])),
    ("report lag", Ok(&["--kernels"])),
    ("report risk", Ok(&["--hosts"])),
    ("source list", Ok(&["--sources", "SOURCES"])),
    ("source show", Ok(&["debian12", "--sources", "SOURCES"])),
    ("source test", Ok(&["debian12", "--sources", "SOURCES"])),
    ("store list", Ok(&[])),
    ("store prune", Ok(&["--dry-run"])),
    ("store verify", Ok(&[])),
    ("test finish", Ok(&["2", "FAILURE", "--dry-run"])),
    ("test kernels", Ok(&["1"])),
    ("test list", Ok(&[])),
    ("test plan", Ok(&["--flavor", "x"])),
    ("test renew", Ok(&["2"])),
    (
        "test run",
        Ok(&["--flavor", "x", "--command", "true", "--dry-run"]),
    ),
    ("test show", Ok(&["1"])),
    (
        "test start",
        Ok(&["--build", "1", "--flavor", "x", "--claim", "1", "--dry-run"]),
    ),
    ("why", Ok(&["6.1.0-3-amd64"])),
];

/// The commands whose text contains at least one of the stored texts.
const PRINTING: &[&str] = &[
    "available list",
    "build list",
    "build show",
    "cust hosts",
    "cust list",
    "cust show",
    "cust type list",
    "event list",
    "generation diff",
    "generation list",
    "generation show",
    "ignore list",
    "kver show",
    "report risk",
    "source show",
    "test list",
    "test show",
    "why",
];

/// Returns the names of the commands without subcommands.
fn leaves(command: &clap::Command, path: &str) -> Vec<String> {
    command
        .get_subcommands()
        .flat_map(|command| {
            let name = format!("{path} {}", command.get_name());
            let below = leaves(command, &name);
            if below.is_empty() {
                vec![name.trim_start().to_owned()]
            } else {
                below
            }
        })
        .collect()
}

/// Writes hostile text before the values of each text column. Returns the columns that permit none.
async fn write_hostile_text(client: &Client) -> BTreeSet<String> {
    client.batch_execute(ROWS).await.unwrap();
    client.batch_execute("BEGIN").await.unwrap();
    client
        .query("SELECT generation_start($1)", &[&TEXT])
        .await
        .unwrap();
    client
        .batch_execute("UPDATE distro SET supported = true; COMMIT")
        .await
        .unwrap();
    // A role with such a name would exist for all databases of the server.
    client
        .batch_execute("SET session_replication_role = replica")
        .await
        .unwrap();
    client
        .execute("UPDATE generation SET username = $1", &[&TEXT])
        .await
        .unwrap();
    client
        .batch_execute("RESET session_replication_role")
        .await
        .unwrap();
    // Triggers write the events, and the program writes the read model, the entries of indexes and the
    // names of migrations.
    let columns = client
        .query(
            "SELECT format('%I', c.table_name), format('%I', column_name), data_type = 'ARRAY'
             FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
               AND (data_type = 'text' OR udt_name = '_text')
               AND table_name <> 'event' AND table_name !~ '^schema_|_state(_|$)' AND column_name <> 'entries' ORDER BY 1, 2",
            &[],
        )
        .await
        .unwrap();
    let mut restricted = BTreeSet::new();
    for row in columns {
        let (table, column, is_array): (String, String, bool) =
            (row.get(0), row.get(1), row.get(2));
        let value = if is_array {
            format!("array_append({column}, $1::text)")
        } else {
            format!("$1::text || {column}")
        };
        let update = format!("UPDATE {table} SET {column} = {value} WHERE {column} IS NOT NULL");
        for text in [TEXT, NAME] {
            if client
                .execute(&update, &[&text])
                .await
                .is_ok_and(|rows| rows > 0)
            {
                break;
            }
        }
        let count = format!("SELECT count(*) FROM {table} WHERE {column}::text LIKE '%\u{202e}%'");
        if client
            .query_one(&count, &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 0
        {
            restricted.insert(format!("{table}.{column}"));
        }
    }
    client
        .batch_execute("INSERT INTO cust_cluster (name, cltype) VALUES ('plain', 1)")
        .await
        .unwrap();
    restricted
}

/// Runs a command with standard output and standard error on a terminal. Returns its output.
fn on_terminal(mut command: Command) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let path = ptsname(&terminal, vec![]).unwrap();
    let open = || {
        File::options()
            .read(true)
            .write(true)
            .open(path.to_str().unwrap())
            .unwrap()
    };
    let mut child = command
        .env("NO_COLOR", "1")
        .env("PAGER", "cat")
        .stdin(Stdio::null())
        .stdout(open())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The descriptor of this process would keep the terminal open.
    drop(command);
    let mut output = Vec::new();
    // After the last writer has closed the terminal, reading fails with EIO.
    let _ = File::from(terminal).read_to_end(&mut output);
    child.wait().unwrap();
    // The terminal adds a carriage return to each line break.
    String::from_utf8(output).unwrap().replace("\r\n", "\n")
}

/// Requires an output without unprintable characters. Lines of logs can contain tabs.
fn require_printable(output: &str, also: &[char], command: &[&str]) {
    for line in output.lines() {
        let is_log = line.trim_start().starts_with("| ");
        let is_wrong = |character: char| {
            is_unprintable(character)
                && !also.contains(&character)
                && !(is_log && character == '\t')
        };
        assert!(!line.contains(is_wrong), "{command:?}: {line:?}");
    }
}

/// Requires an output without unprintable characters and forged lines.
fn require_harmless(output: &str, command: &[&str]) {
    require_printable(output, &[], command);
    let is_forged = |line: &str| line.trim_start().starts_with(FORGED);
    assert!(!output.lines().any(is_forged), "{command:?}: {output}");
}

/// A distribution file with a hostile title.
const SOURCE: &str = r#"
name = "debian12"
variant = "DEBIAN12"
title = "\u202e\u001b]0;x\u0007\nFORGED"
[[source]]
kind = "apt"
name = "main"
base = ["http://127.0.0.1:9/x"]
suite = "s"
components = ["main"]
architectures = ["amd64"]
signature = "off"
"#;

/// Returns the program with the hostile database and the files of the commands.
async fn program() -> Program {
    let program = report::with_fixture().await;
    let client = program.database.client().await;
    let restricted = write_hostile_text(&client).await;
    assert_eq!(
        restricted,
        RESTRICTED
            .iter()
            .map(|column| (*column).to_owned())
            .collect(),
        "each text column has a hostile value, or its constraints permit none"
    );
    let home = program.home.path();
    fs::create_dir(home.join("SOURCES")).unwrap();
    fs::write(home.join("SOURCES/debian12.toml"), SOURCE).unwrap();
    let report = serde_json::json!({"clusters": [{"name": NAME, "type": "lab", "hosts": []}]});
    fs::write(home.join("REPORT"), report.to_string()).unwrap();
    let pipeline = "revision = \"1\"\ntarget = \"lab\"\n[build]\ncommand = \"x \\u202e\"\n";
    fs::write(home.join("PIPELINE"), pipeline).unwrap();
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_prints_unprintable_or_forged_text() {
    let cases: BTreeMap<&str, Case> = CASES.iter().copied().collect();
    let mut names = leaves(&sqern::cli::Cli::command(), "");
    names.sort();
    assert_eq!(
        names,
        cases
            .keys()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>(),
        "each command has a case"
    );
    let program = program().await;
    let generation = program
        .value("SELECT id FROM generation WHERE comment IS NOT NULL")
        .await;
    let last = program.value("SELECT max(id) FROM generation").await;
    // The update of a name cascades to its references.
    let cluster = format!("{NAME}acme-1");
    let replace = |argument| match argument {
        "CLUSTER" => cluster.as_str(),
        "GENERATION" => &generation,
        "LAST" => &last,
        argument => argument,
    };
    let (mut formulas, mut exact) = (0, 0);
    for (name, case) in &cases {
        let Ok(case) = case else { continue };
        let case = case.iter().map(|argument| replace(argument));
        let arguments: Vec<&str> = name.split(' ').chain(case).collect();
        let with = |option: &'static str| [arguments.as_slice(), &[option]].concat();
        let command = |arguments: &[&str]| {
            let mut command = program.command(arguments);
            command.current_dir(program.home.path());
            command
        };
        let run = |arguments: &[&str]| Ran::from(command(arguments).output().unwrap());
        let text = run(&arguments);
        assert_ne!(text.status, 2, "{arguments:?}: {text:?}");
        let is_printing = text.stdout.contains("\\u{202e}");
        assert!(
            is_printing || !PRINTING.contains(name),
            "{arguments:?}: {text:?}"
        );
        let json = run(&with("--json"));
        for output in [&text.stdout, &text.stderr, &json.stdout, &json.stderr] {
            require_harmless(output, &arguments);
        }
        require_harmless(&on_terminal(command(&arguments)), &arguments);
        let csv = run(&with("--csv"));
        require_harmless(&csv.stderr, &arguments);
        if csv.status == 2 {
            assert!(csv.stderr.contains("supported only by"), "{csv:?}");
            continue;
        }
        // A file with this output might be displayed on a terminal.
        require_harmless(&csv.stdout, &with("--csv"));
        for option in ["--csv", "--csv-raw"] {
            let output = on_terminal(command(&with(option)));
            require_harmless(&output, &with(option));
        }
        let raw = run(&with("--csv-raw"));
        for (line, raw_line) in cells(&csv.stdout).iter().zip(cells(&raw.stdout)) {
            for (cell, raw) in line.iter().zip(raw_line) {
                if raw.starts_with('=') {
                    formulas += 1;
                    assert_eq!(*cell, escape_value(&format!("'{raw}")), "{arguments:?}");
                }
                exact += usize::from(raw.contains('\u{1b}'));
            }
        }
        // The free space of a disk changes between two runs.
        if json.status == 0 && *name != "doctor" {
            require_equal_values(&raw.stdout, &json.stdout, &arguments);
        }
    }
    assert!(formulas > 50 && exact > 20, "{formulas} {exact}");
}

fn cells(csv: &str) -> Vec<Vec<String>> {
    csv::Reader::from_reader(csv.as_bytes())
        .into_deserialize()
        .map(Result::unwrap)
        .collect()
}

/// Requires that the strings of a list in JSON are cells of the same list in CSV.
fn require_equal_values(csv: &str, json: &str, command: &[&str]) {
    let document: Value = serde_json::from_str(json).unwrap();
    let Some(items) = document["items"].as_array() else {
        return;
    };
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    for (item, record) in items.iter().zip(reader.records()) {
        for (name, cell) in header.iter().zip(&record.unwrap()) {
            if let Some(text) = item[name].as_str() {
                assert_eq!(text, cell, "{command:?}");
            }
        }
    }
}

#[tokio::test]
async fn reports_and_completions_contain_no_unprintable_text() {
    let program = program().await;
    for report in [
        &["report", "coverage"][..],
        &["report", "risk"],
        &["report", "lag"],
        &["report", "activity", "--since", "0"],
    ] {
        let page = program.done(&[report, &["--html", "-"]].concat()).stdout;
        // Line breaks and tabs are blanks in HTML.
        require_printable(&page, &['\t'], report);
        assert!(page.contains("\\u{202e}"), "{page}");
    }
    let endpoint = program.database.endpoint();
    let dsn = program.database.dsn();
    let (_, user) = dsn.rsplit_once("user=").unwrap();
    for line in [
        &["cust", "show", ""][..],
        &["build", "plan", "--target", ""],
        &["build", "plan", "--revision", ""],
        &["build", "show", ""],
        &["kver", "list", "--distro", ""],
    ] {
        let output = program_at(program.home.path(), &["--", "sqern"])
            .args(line)
            .env("SQERN_COMPLETE", "fish")
            .env("PGHOST", &endpoint.socket_dir)
            .env("PGPORT", endpoint.port.to_string())
            .env("PGUSER", user)
            .env("PGDATABASE", program.database.name())
            .output()
            .unwrap();
        let candidates = String::from_utf8(output.stdout).unwrap();
        require_printable(&candidates, &['\t'], line);
        // Another candidate shows that the database was read.
        let expected = match line[1] {
            "show" if line[0] == "cust" => Some("plain\t"),
            "show" => Some("3\t"),
            "list" => Some("debian12\t"),
            _ => None,
        };
        assert!(
            expected.is_none_or(|expected| candidates.contains(expected)),
            "{line:?}: {candidates:?}"
        );
    }
}
