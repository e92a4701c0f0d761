//! `sqern event follow`: each generation is printed once, also after failures of the program, its
//! reader or the server.

pub mod following;

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use sqern_testkit::DATABASE;
use sqern_testkit::TestServer;
use tokio_postgres::Client;

use self::following::Following;
use crate::program::{Program, program_at};

const FOLLOW: [&str; 2] = ["event", "follow"];

/// Parses the lines of standard output.
fn lines(stdout: &str) -> Vec<Value> {
    stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn ids(lines: &[Value]) -> Vec<i64> {
    lines
        .iter()
        .map(|line| line["generation"]["id"].as_i64().expect("an id"))
        .collect()
}

fn position(line: &Value) -> &str {
    line["position"].as_str().expect("a position")
}

/// Returns the last part of `position`: a generation and its time.
///
/// The snapshot before it differs between two runs if the server started an internal transaction,
/// for example to analyze a table.
pub fn last_generation(position: &str) -> &str {
    position.rsplit('/').next().expect("one part")
}

/// Returns a program with 3 generations after that of the setup. The second has no events.
async fn with_a_journal() -> Program {
    let program = Program::new().await;
    let client = program.database.client().await;
    for sql in [
        "BEGIN; SELECT generation_start('first'); INSERT INTO kver VALUES ('debian12', '1'), ('debian12', '2'); COMMIT",
        "SELECT generation_start('nothing')",
        "UPDATE kver SET archived = true WHERE version = '1'",
    ] {
        client.batch_execute(sql).await.unwrap();
    }
    program
}

async fn add(client: &Client, distro: &str) {
    client
        .batch_execute(&format!("INSERT INTO distro VALUES ('{distro}', 'D')"))
        .await
        .unwrap();
}

#[tokio::test]
async fn each_commit_is_a_line_and_a_signal_exits_with_0() {
    let program = Program::new().await;
    let client = program.database.client().await;
    let following = Following::start(program.command(&FOLLOW));
    client
        .batch_execute("BEGIN; SELECT generation_start('by \"hand\"'); INSERT INTO kver VALUES ('debian12', '1'); UPDATE kver SET archived = true; COMMIT")
        .await
        .unwrap();
    let line = following.line();
    assert_eq!(line["schema"], "sqern.event.follow/1");
    let id = line["generation"]["id"].as_i64().unwrap();
    let mut keys: Vec<&String> = line["generation"].as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["comment", "id", "ipaddr", "tstamp", "username"]);
    assert_eq!(line["generation"]["comment"], "by \"hand\"");
    assert_eq!(line["generation"]["ipaddr"], Value::Null);
    let first = program
        .value(&format!(
            "SELECT min(id) FROM event WHERE generation = {id}"
        ))
        .await
        .parse::<i64>()
        .unwrap();
    let key = json!({"distro": "debian12", "version": "1"});
    assert_eq!(
        line["events"],
        json!([
            {"id": first, "table_name": "kver", "action": "insert", "pkey": key, "fields": {"archived": false}, "old": null},
            {"id": first + 1, "table_name": "kver", "action": "update", "pkey": key, "fields": {"archived": true}, "old": {"archived": false}},
        ])
    );
    add(&client, "a").await;
    assert_eq!(ids(&[following.line()]), [id + 1]);
    let (status, rest, notes) = following.end("TERM");
    assert_eq!(
        (status, rest.len(), notes.len()),
        (Some(0), 0, 0),
        "{notes:?}"
    );

    let following = Following::start(program.command(&FOLLOW));
    assert_eq!(following.end("INT").0, Some(0));
}

#[tokio::test]
async fn each_position_continues_after_its_line() {
    let program = with_a_journal().await;
    let all = program.done(&["event", "follow", "--from", "start", "--once"]);
    let all = lines(&all.stdout);
    assert_eq!(
        all.iter()
            .map(|line| line["events"].as_array().unwrap().len())
            .collect::<Vec<_>>(),
        [2, 2, 0, 1]
    );
    for (index, line) in all.iter().enumerate() {
        let rest = program.done(&[
            "event",
            "follow",
            "--once",
            "--json",
            "--from",
            position(line),
        ]);
        assert_eq!(ids(&lines(&rest.stdout)), ids(&all[index + 1..]));
    }
    let now = program.done(&["event", "follow", "--once"]);
    assert_eq!(now.stdout, "");
    assert_eq!(
        now.stderr.trim(),
        format!("following from {}", position(&all[3]))
    );
}

#[tokio::test]
async fn table_options_select_events() {
    let program = with_a_journal().await;
    let follow = ["event", "follow", "--from", "start", "--once", "--table"];
    let kver = lines(&program.done(&[&follow[..], &["kver"]].concat()).stdout);
    assert_eq!(
        kver.iter()
            .map(|line| line["events"].as_array().unwrap().len())
            .collect::<Vec<_>>(),
        [2, 1]
    );
    let both = lines(
        &program
            .done(&[&follow[..], &["kver", "--table", "distro"]].concat())
            .stdout,
    );
    assert_eq!(both.len(), 3);
    let file = program.home.path().join("position");
    let none = program.done(
        &[
            &follow[..],
            &["sp_build", "--position", file.to_str().unwrap()],
        ]
        .concat(),
    );
    assert_eq!(none.stdout, "");
    assert_eq!(
        last_generation(std::fs::read_to_string(file).unwrap().trim_end()),
        last_generation(position(&kver[1])),
        "the position is updated"
    );
    let mistyped = program.run(&[&follow[..], &["kvr"]].concat());
    assert_eq!(mistyped.status, 1, "{mistyped:?}");
    assert!(
        mistyped
            .stderr
            .contains("table \"kvr\" does not exist\n hint: Did you mean kver"),
        "{mistyped:?}"
    );
}

#[tokio::test]
async fn a_position_file_continues_after_the_previous_run() {
    let program = with_a_journal().await;
    let client = program.database.client().await;
    let file = program.home.path().join("position");
    let follow = [
        "event",
        "follow",
        "--from",
        "start",
        "--once",
        "--position",
        file.to_str().unwrap(),
    ];
    let first = lines(&program.done(&follow).stdout);
    assert_eq!(first.len(), 4);
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        format!("{}\n", position(&first[3]))
    );
    assert_eq!(program.done(&follow).stdout, "");
    add(&client, "a").await;
    assert_eq!(lines(&program.done(&follow).stdout).len(), 1);

    // A run that is terminated before the first generation must store its start position.
    std::fs::remove_file(&file).unwrap();
    let mut command = program.command(&[&FOLLOW[..], &follow[5..]].concat());
    command.args(["--from", "now"]);
    let following = Following::start(command);
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(following.end("TERM").0, Some(0));
    add(&client, "b").await;
    assert_eq!(lines(&program.done(&follow).stdout).len(), 1);
    let left: Vec<_> = std::fs::read_dir(program.home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["position"], "no temporary file remains");
}

#[tokio::test]
async fn an_invalid_position_file_is_rejected_and_unchanged() {
    let program = with_a_journal().await;
    let file = program.home.path().join("position");
    let path = file.to_str().unwrap();
    let good = position(
        &lines(
            &program
                .done(&["event", "follow", "--from", "start", "--once"])
                .stdout,
        )[0],
    )
    .to_owned();
    let (system, rest) = good.split_once('/').unwrap();
    let elsewhere = format!("1/{rest}\n");
    let ahead = format!(
        "{system}/{}/99999999:99999999:/0\n",
        rest.split_once('/').unwrap().0
    );
    for content in [
        "",
        "\n",
        &good,
        &good[..good.len() / 2],
        "\u{0}\u{0}\u{0}",
        &elsewhere,
        &ahead,
    ] {
        std::fs::write(&file, content).unwrap();
        let ran = program.run(&["event", "follow", "--once", "--position", path]);
        assert_eq!(
            (ran.status, ran.stdout.as_str()),
            (1, ""),
            "{content:?}: {ran:?}"
        );
        let reason = match content {
            content if *content == elsewhere => "position belongs to database ",
            content if *content == ahead => "position contains transaction ID ",
            _ => "expected a position",
        };
        assert!(
            ran.stderr.contains(reason) && ran.stderr.contains(&format!("hint: rm {path};")),
            "{content:?}: {ran:?}"
        );
        assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
    }
    let directory = program.run(&[
        "event",
        "follow",
        "--once",
        "--position",
        program.home.path().to_str().unwrap(),
    ]);
    assert_eq!(directory.status, 1);
    assert!(
        directory.stderr.contains("could not read position file"),
        "{directory:?}"
    );
    let nowhere = program.run(&[
        "event",
        "follow",
        "--once",
        "--position",
        "/nonexistent/position",
    ]);
    assert_eq!(nowhere.status, 1);
    assert!(
        nowhere
            .stderr
            .contains("could not write position file /nonexistent/position"),
        "{nowhere:?}"
    );
}

#[tokio::test]
async fn invalid_positions_are_rejected() {
    let program = with_a_journal().await;
    let other = with_a_journal().await;
    let run = |from: &str| program.run(&["event", "follow", "--once", "--from", from]);
    let there = other.done(&["event", "follow", "--once", "--from", "start"]);
    let foreign = run(position(&lines(&there.stdout)[0]));
    assert_eq!(foreign.status, 1, "{foreign:?}");
    assert!(
        foreign.stderr.contains("position belongs to database ")
            && foreign
                .stderr
                .contains("hint: sqern event follow --from start")
    );
    for garbage in ["", "yesterday", "1/2/3", "1/2/5:4:"] {
        let ran = run(garbage);
        assert_eq!(ran.status, 2, "{ran:?}");
    }
    assert!(run("yesterday").stderr.contains("found \"yesterday\""));
    assert_eq!(
        program.run(&["event", "follow", "--once", "--csv"]).status,
        2
    );
}

#[tokio::test]
async fn a_generation_of_many_events_is_one_line() {
    let program = Program::new().await;
    let client = program.database.client().await;
    let following = Following::start(program.command(&FOLLOW));
    client
        .batch_execute("INSERT INTO kver SELECT 'debian12', 'version-' || n FROM generate_series(1, 30000) AS n")
        .await
        .unwrap();
    let events = following.line()["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["id"].as_i64().unwrap())
        .collect::<Vec<_>>();
    assert_eq!(events.len(), 30000);
    assert!(events.is_sorted());
    assert_eq!(following.end("TERM").0, Some(0));
}

#[tokio::test]
async fn a_closed_pipe_exits_with_0() {
    let program = with_a_journal().await;
    let mut command = program.command(&["event", "follow", "--from", "start"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(stderr, "");
}

#[tokio::test]
async fn a_server_restart_loses_and_repeats_no_generation() {
    let server = TestServer::with_settings(&[]).await;
    let mut client = server.connect(DATABASE).await;
    sqern_db::migrate::migrate(&mut client, None, false)
        .await
        .unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = program_at(home.path(), &FOLLOW);
    command.args(["--dsn", &server.dsn(DATABASE)]);
    let mut following = Following::start(command);
    add(&client, "before").await;
    let mut seen = ids(&[following.line()]);
    for round in 0..2 {
        // Generations that commit while the program is not connected are printed later.
        let local = server.server().clone();
        let restart = tokio::task::spawn_blocking(move || {
            assert!(local.down().unwrap().stopped);
            std::thread::sleep(Duration::from_millis(400));
            local.up().unwrap();
        });
        restart.await.unwrap();
        let client = server.connect(DATABASE).await;
        add(&client, &format!("during{round}")).await;
        assert!(
            following
                .note("warning: ")
                .starts_with("warning: connection lost: ")
        );
        assert_eq!(following.note("reconnected").as_str(), "reconnected");
        seen.extend(ids(&[following.line()]));
        add(&client, &format!("after{round}")).await;
        seen.extend(ids(&[following.line()]));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let (status, rest, notes) = following.end("TERM");
    assert_eq!((status, rest, notes), (Some(0), vec![], vec![]));
}

#[test]
fn an_invalid_position_is_reported_with_the_valid_values() {
    let home = tempfile::tempdir().unwrap();
    let ran = program_at(home.path(), &["event", "follow", "--from", "later"])
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.code() == Some(2)
            && message
                .contains("expected start, now or a position from the output, found \"later\"\n"),
        "{message}"
    );
}
