//! Commands behind a connection pooler in transaction mode, where each transaction can use another
//! session of the server, and other clients use the same sessions.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqern_testkit::pooler::POOL_SIZE;
use sqern_testkit::{Pooler, TestServer};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::follow::following::Following;
use crate::program::{Program, Ran};

/// A program whose database is behind a pooler.
struct Pooled {
    program: Program,
    pooler: Pooler,
}

impl Pooled {
    async fn new() -> Self {
        Self::on(Program::new().await)
    }

    fn on(program: Program) -> Self {
        let pooler = Pooler::start(&program.database);
        Self { program, pooler }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        command(&self.program, arguments, &self.pooler.dsn())
    }

    fn done(&self, arguments: &[&str]) -> Ran {
        let ran = Ran::from(self.command(arguments).output().expect("the program runs"));
        assert_eq!(ran.status, 0, "{arguments:?}\n{ran:?}");
        ran
    }

    async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.pooler.dsn(), NoTls)
            .await
            .expect("the pooler accepts connections");
        tokio::spawn(connection);
        client
    }

    /// Returns the state that commands left in the sessions of the pool: settings, prepared
    /// statements, subscriptions, temporary tables and locks.
    async fn states(&self) -> Vec<String> {
        const STATE: &str = "SELECT concat_ws(', ', current_setting('search_path'), current_setting('jit'), current_setting('work_mem'),
                current_setting('enable_seqscan'), current_setting('client_connection_check_interval'), current_user,
                (SELECT string_agg('statement ' || name, ', ') FROM pg_prepared_statements),
                (SELECT string_agg('channel ' || c, ', ') FROM pg_listening_channels() AS c),
                (SELECT string_agg('table ' || relname, ', ') FROM pg_class WHERE relpersistence = 't'),
                (SELECT string_agg('lock ' || objid, ', ') FROM pg_locks
                 WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())))";
        // Open transactions occupy all sessions of the pool.
        let mut clients = vec![];
        for _ in 0..POOL_SIZE {
            let client = self.client().await;
            client.batch_execute("BEGIN").await.unwrap();
            clients.push(client);
        }
        let mut states = vec![];
        for client in &clients {
            let rows = client.simple_query(STATE).await.unwrap();
            states.extend(rows.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            }));
            client.batch_execute("COMMIT").await.unwrap();
        }
        states
    }
}

/// Returns a command in the home directory of the program.
fn command(program: &Program, arguments: &[&str], dsn: &str) -> Command {
    let mut command = program.bare_command(arguments);
    command
        .current_dir(program.home.path())
        .arg("--dsn")
        .arg(dsn);
    command
}

/// Replaces times and durations, which differ between runs, by a letter.
fn without_times(text: &str) -> String {
    let is_unit = |word: &str| ["ms", "s", "min", "h", "seconds", "minutes"].contains(&word);
    let name = |word: &str| {
        word.trim_matches(|c: char| " \n\",()".contains(c))
            .to_owned()
    };
    let words: Vec<&str> = text.split_inclusive([' ', '\n', '"', ',']).collect();
    let is_time = |index: usize| {
        let word = name(words[index]);
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_number = |text: &str| text.parse::<f64>().is_ok();
        let has_unit = words
            .get(index + 1)
            .is_some_and(|next| is_unit(&name(next)));
        let is_clock = digits >= 4 && word.contains([':', '-']) && !word.contains("6.1");
        is_clock
            || is_unit(&word)
            || is_number(&word) && has_unit
            || word.strip_suffix('s').is_some_and(is_number)
    };
    let replaced = (0..words.len()).map(|index| if is_time(index) { "T" } else { words[index] });
    // The widths of columns depend on their values.
    replaced
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Creates reports in the home directory, and kernels with headers.
async fn prepare(program: &Program) {
    let report = |hosts: &str| {
        format!(
            "cluster,type,host,distro,version,current\n{hosts}acme,production,h9,debian12,6.1.0-9,true\n"
        )
    };
    let first =
        "acme,production,h1,debian12,6.1.0-1,true\nacme,production,h2,debian12,6.1.0-2,true\n";
    let second =
        "acme,production,h1,debian12,6.1.0-3,true\nacme,production,h2,debian12,6.1.0-2,true\n";
    for (name, hosts) in [("first.csv", first), ("second.csv", second)] {
        std::fs::write(program.home.path().join(name), report(hosts)).unwrap();
    }
    let fetched = "BEGIN; SELECT generation_start('headers');
        INSERT INTO kver (distro, version) SELECT 'debian12', '6.1.0-' || n FROM generate_series(1, 9) AS n;
        INSERT INTO kver_fetched (distro, version) SELECT distro, version FROM kver; COMMIT";
    program
        .database
        .client()
        .await
        .batch_execute(fetched)
        .await
        .unwrap();
    for number in 1..10 {
        let tree = format!(".default/store/debian12/6.1.0-{number}");
        std::fs::create_dir_all(program.home.path().join(tree)).unwrap();
    }
}

/// Commands that change data. Each group of commands is represented.
const CHANGES: [&[&str]; 20] = [
    &["kver", "add", "debian12/6.1.0-20", "debian13/6.12.0-1"],
    &["kver", "archive", "debian12/6.1.0-20"],
    &["distro", "add", "alma9", "ALMA9"],
    &["distro", "set", "alma9", "--supported"],
    &["ignore", "add", "debian12", "6.1.0-2?"],
    &["cust", "load", "first.csv"],
    &["cust", "load", "second.csv", "--dry-run"],
    &["cust", "load", "second.csv"],
    &["cust", "load", "second.csv"],
    &[
        "build",
        "start",
        "--revision",
        "r1",
        "--target",
        "lab",
        "--claim",
        "3",
    ],
    &["build", "renew", "1"],
    &[
        "build",
        "finish",
        "1",
        "SUCCESS",
        "--kernel",
        "debian12/6.1.0-9=FAILURE",
    ],
    &[
        "build",
        "run",
        "--revision",
        "r1",
        "--target",
        "lab",
        "--limit",
        "2",
        "--jobs",
        "1",
        "--command",
        "true",
    ],
    &[
        "test", "start", "--build", "1", "--flavor", "smoke", "--claim", "1",
    ],
    &["test", "finish", "1", "SUCCESS"],
    &["available", "add", "--build", "1"],
    &["generation", "revert", "4", "--dry-run"],
    &["ignore", "remove", "debian12", "6.1.0-2?"],
    &["db", "refresh", "--full"],
    &["db", "prune", "--dry-run"],
];

/// Commands that read data.
const READS: [&[&str]; 28] = [
    &["kver", "list", "--all"],
    &["kver", "show", "debian12/6.1.0-9"],
    &["kver", "list", "--at", "3"],
    &["distro", "list"],
    &["ignore", "list"],
    &["build", "plan"],
    &["build", "plan", "--revision", "r1", "--target", "lab"],
    &["build", "list"],
    &["build", "show", "1"],
    &["build", "kernels", "1"],
    &["test", "plan"],
    &["test", "list"],
    &["available", "list"],
    &["cust", "list"],
    &["cust", "show", "acme"],
    &["cust", "hosts", "--kernel", "6.1.0-9"],
    &["cust", "type", "list"],
    &["report", "coverage"],
    &["report", "risk"],
    &["report", "risk", "--at", "4"],
    &["report", "lag"],
    &["report", "activity", "--since", "1"],
    &["why", "6.1.0-9"],
    &["generation", "list"],
    &["generation", "diff", "1", "5"],
    &["event", "list", "--limit", "0"],
    &["db", "status"],
    &["db", "check"],
];

#[tokio::test(flavor = "multi_thread")]
async fn commands_print_the_same_as_with_a_direct_connection() {
    let direct = Program::new().await;
    let pooled = Pooled::new().await;
    prepare(&direct).await;
    prepare(&pooled.program).await;
    let before = pooled.states().await;
    // Twice, because the state that a command leaves disturbs a later one.
    for arguments in CHANGES.iter().chain(&READS).chain(&READS) {
        let dsns = [direct.database.dsn(), pooled.pooler.dsn()];
        let programs = [&direct, &pooled.program].into_iter().zip(dsns);
        let outputs: Vec<(i32, String)> = programs
            .map(|(program, dsn)| {
                let output = command(program, arguments, &dsn).output();
                let ran = Ran::from(output.expect("the program runs"));
                let home = program.home.path().to_str().unwrap();
                let text = format!("{}\n{}", ran.stdout, ran.stderr).replace(home, "HOME");
                (ran.status, without_times(&text))
            })
            .collect();
        assert_eq!(outputs[0], outputs[1], "{arguments:?}");
        assert_eq!(outputs[0].0, 0, "{arguments:?} {}", outputs[0].1);
    }
    assert_eq!(pooled.states().await, before);
    let doctor = pooled
        .done(&["doctor", "--offline", "--distro", "debian13"])
        .stdout;
    assert!(doctor.contains("through a connection pooler"), "{doctor}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commands_share_the_sessions_of_the_pool() {
    let pooled = Pooled::new().await;
    prepare(&pooled.program).await;
    let before = pooled.states().await;
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let pooled = &pooled;
            scope.spawn(move || {
                for round in 0..3 {
                    let report = ["first.csv", "second.csv"][(worker + round) % 2];
                    pooled.done(&["cust", "load", report]);
                    let id = pooled
                        .done(&["build", "start", "--revision", "r1", "--claim", "1"])
                        .stdout;
                    if let Some(id) = id.lines().next() {
                        pooled.done(&["build", "finish", id, "SUCCESS"]);
                    }
                    for arguments in READS.iter().skip(worker).step_by(4) {
                        // Arguments of other builds and generations.
                        if !arguments.iter().any(|argument| {
                            ["show", "kernels", "--at", "diff", "db"].contains(argument)
                        }) {
                            pooled.done(arguments);
                        }
                    }
                }
            });
        }
    });
    pooled.done(&["db", "check"]);
    assert_eq!(pooled.states().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_delivers_each_generation_and_leaves_no_lock() {
    let pooled = Pooled::new().await;
    let before = pooled.states().await;
    let following = Following::start(pooled.command(&["event", "follow"]));
    let refreshing = Following::start_until(
        pooled.command(&["db", "refresh", "--watch"]),
        "read model updated",
    );
    let mut comments = vec![];
    for number in 1..=5 {
        let comment = format!("change {number}");
        let kernel = format!("debian12/6.1.0-{number}");
        pooled.done(&["kver", "add", &kernel, "--comment", &comment]);
        comments.push(comment);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let delivered: Vec<String> = comments
        .iter()
        .map(|_| {
            following.line()["generation"]["comment"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(delivered, comments);
    // While they wait, neither holds a lock or a session.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(pooled.states().await, before);
    let (status, rest, _) = following.end("TERM");
    assert_eq!((status, rest), (Some(0), Vec::<Value>::new()));
    assert_eq!(refreshing.end("TERM").0, Some(0));
    assert_eq!(
        pooled.program.value("SELECT kver_state_is_current()").await,
        "true"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_that_other_clients_leave_has_no_effect() {
    let pooled = Pooled::new().await;
    let owner = pooled.program.database.client().await;
    owner
        .batch_execute("CREATE SCHEMA hidden; CREATE TABLE hidden.kver (LIKE kver); CREATE TABLE hidden.cust_cluster (LIKE cust_cluster)")
        .await
        .unwrap();
    let mut clients = vec![];
    for _ in 0..POOL_SIZE {
        let client = pooled.client().await;
        client
            .batch_execute("BEGIN; SET search_path = hidden, public; PREPARE s0 AS SELECT 1; PREPARE s1 AS SELECT 1; SET enable_seqscan = off")
            .await
            .unwrap();
        clients.push(client);
    }
    for client in clients {
        client.batch_execute("COMMIT").await.unwrap();
    }
    prepare(&pooled.program).await;
    pooled.done(&["kver", "add", "debian12/6.1.0-30"]);
    pooled.done(&["cust", "load", "first.csv"]);
    let listed = pooled.done(&["kver", "list", "--csv"]).stdout;
    assert!(listed.contains("6.1.0-30"), "{listed}");
    let hidden =
        "SELECT (SELECT count(*) FROM hidden.kver) + (SELECT count(*) FROM hidden.cust_cluster)";
    assert_eq!(pooled.program.value(hidden).await, "0");
    pooled.done(&["db", "check"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_is_forwarded_to_the_server() {
    let pooled = Pooled::new().await;
    let waiting =
        "SELECT count(*) FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND NOT granted";
    let client = pooled.program.database.client().await;
    client
        .batch_execute("BEGIN; SELECT lock_table('cust_cluster')")
        .await
        .unwrap();
    let mut child = pooled
        .command(&["cust", "load", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let report = r#"{"clusters": [{"name": "acme", "type": "lab", "hosts": []}]}"#;
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(report.as_bytes()).unwrap();
    drop(stdin);
    wait_for(&pooled.program, waiting, "1").await;
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    wait_for(&pooled.program, waiting, "0").await;
    client.batch_execute("COMMIT").await.unwrap();
    pooled.done(&["db", "check"]);
}

async fn wait_for(program: &Program, query: &str, expected: &str) {
    for _ in 0..250 {
        if program.value(query).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(program.value(query).await, expected, "{query}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_through_a_pooler_creates_the_schema() {
    let pooled = Pooled::on(Program::on(
        TestServer::shared().await.database("pooled").await,
    ));
    let before = pooled.states().await;
    pooled.done(&["db", "migrate"]);
    pooled.done(&["db", "migrate"]);
    pooled.done(&["distro", "import"]);
    pooled.done(&["db", "check"]);
    assert_eq!(pooled.states().await, before);
}
