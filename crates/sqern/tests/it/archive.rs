//! `sqern generation archive` and `verify`: files that are never changed, and the detection of each
//! change of the files or of the journal.

mod files;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use sqern_testkit::clean_command;
use tokio_postgres::Client;

use crate::follow::last_generation;
use crate::json_schemas::require_valid;
use crate::program::{Program, Ran};

const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A program with a journal and the directory of its archive.
struct Archive {
    program: Program,
    client: Client,
    directory: PathBuf,
}

impl Archive {
    /// Returns an archive of 3 files. Each contains 2 generations, the first one also that of the
    /// setup.
    async fn new() -> Self {
        let archive = Self::empty().await;
        for name in ["a", "b", "c"] {
            archive.record(&format!("{name}1")).await;
            archive.record(&format!("{name}2")).await;
            archive.append();
        }
        archive
    }

    async fn empty() -> Self {
        let program = Program::new().await;
        let client = program.database.client().await;
        let directory = program.home.path().join("archive");
        Self {
            program,
            client,
            directory,
        }
    }

    async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.expect(sql);
    }

    /// Executes statements as a superuser who circumvents the triggers.
    async fn falsify(&self, sql: &str) {
        self.execute(&format!(
            "SET session_replication_role = replica; {sql}; RESET session_replication_role"
        ))
        .await;
    }

    /// Records a generation with one event.
    async fn record(&self, distro: &str) {
        self.execute(&format!("INSERT INTO distro VALUES ('{distro}', 'D')"))
            .await;
    }

    /// Returns the arguments of a command with the directory.
    fn arguments<'a>(&'a self, command: &'a str, options: &[&'a str]) -> Vec<&'a str> {
        let directory = self.directory.to_str().unwrap();
        [&["generation", command, directory], options].concat()
    }

    fn append(&self) -> Value {
        self.program.json(&self.arguments("archive", &[]))["item"].clone()
    }

    /// Requires an error of `sqern generation archive` that changes nothing.
    fn reject(&self, message: &str) {
        let before = self.files();
        let ran = self.program.run(&self.arguments("archive", &[]));
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.stderr.contains(message), "{ran:?}");
        assert_eq!(self.files(), before);
    }

    fn run_verify(&self, options: &[&str]) -> Ran {
        self.program.run(&self.arguments("verify", options))
    }

    /// Returns the problems that `sqern generation verify` prints.
    fn problems(&self, options: &[&str]) -> Vec<String> {
        let ran = self.run_verify(&[options, &["--json"]].concat());
        let verified: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let rules = verified["item"]["rules"].as_array().unwrap();
        let problems: Vec<String> = rules
            .iter()
            .flat_map(|rule| rule["problems"].as_array().unwrap())
            .map(|problem| problem.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ran.status, i32::from(!problems.is_empty()), "{ran:?}");
        problems
    }

    /// Returns the names of all files.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn path(&self, number: u32) -> PathBuf {
        self.directory.join(name(number))
    }

    fn lines(&self, number: u32) -> Vec<String> {
        let text = zstd::decode_all(&*fs::read(self.path(number)).unwrap()).unwrap();
        String::from_utf8(text)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Returns the ids of the generations in a file.
    fn ids(&self, number: u32) -> Vec<i64> {
        self.lines(number)
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .map(|line| line["generation"]["id"].as_i64().unwrap())
            .collect()
    }

    /// Replaces a file by a valid one with this text.
    fn replace(&self, number: u32, text: &str) {
        replace(
            &self.path(number),
            &zstd::encode_all(text.as_bytes(), 1).unwrap(),
        );
    }

    /// Returns the last generation.
    async fn last(&self) -> i64 {
        let id = self.program.value("SELECT max(id) FROM generation").await;
        id.parse().unwrap()
    }
}

fn name(number: u32) -> String {
    format!("journal-{number:06}.jsonl.zst")
}

/// Replaces a file, which is read-only.
fn replace(path: &Path, content: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn each_run_appends_the_new_generations_as_one_file() {
    let archive = Archive::empty().await;
    archive.record("a").await;
    let first = archive.append();
    let file = archive.path(1);
    assert_eq!(first["file"], file.to_str().unwrap());
    assert_eq!(
        (&first["generations"], &first["events"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(archive.files(), [name(1)]);
    let content = fs::read(&file).unwrap();

    let none = archive.append();
    assert_eq!(
        none,
        json!({"file": null, "generations": 0, "events": 0, "head": first["head"]})
    );
    assert_eq!(archive.files(), [name(1)]);

    archive
        .execute("SELECT generation_start('no events')")
        .await;
    let second = archive.append();
    assert_eq!(
        (&second["generations"], &second["events"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(archive.files(), [name(1), name(2)]);
    assert_eq!(fs::read(&file).unwrap(), content);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o222, 0, "the file is read-only");
    assert_eq!(archive.problems(&[]), Vec::<String>::new());

    let text = archive
        .program
        .done(&archive.arguments("verify", &[]))
        .stdout;
    let head = second["head"].as_str().unwrap();
    assert_eq!(
        text,
        format!(
            "ok    each line of the archive contains the SHA-256 of the previous line
ok    each generation in the archive equals the generation in the database
ok    the archive contains each generation before its last position
2 files, 3 generations
head {head}
"
        )
    );
    archive.record("b").await;
    let text = archive
        .program
        .done(&archive.arguments("verify", &[]))
        .stdout;
    assert!(
        text.ends_with(&format!(
            "2 files, 3 generations; 1 newer generation not in the archive yet\nhead {head}\n"
        )),
        "{text}"
    );
    let text = archive
        .program
        .done(&archive.arguments("archive", &[]))
        .stdout;
    let start = format!(
        "wrote {} (1 generation, 1 event)\nhead ",
        archive.path(3).display()
    );
    assert!(text.starts_with(&start), "{text}");
    let text = archive
        .program
        .done(&archive.arguments("archive", &[]))
        .stdout;
    assert!(text.starts_with("no new generations\nhead "), "{text}");
}

#[tokio::test]
async fn sha256sum_verifies_the_chain() {
    let archive = Archive::new().await;
    let mut command = clean_command("sh");
    let hash = "hash=$(printf 0%.0s $(seq 64)); while IFS= read -r line; do
        case $line in '{\"previous\":\"'$hash'\"'*) ;; *) exit 1 ;; esac
        hash=$(printf %s \"$line\" | sha256sum | cut -c 1-64)
    done; echo $hash";
    let mut child = command
        .args(["-c", hash])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let all: String = (1..=3)
        .flat_map(|number| archive.lines(number))
        .map(|line| line + "\n")
        .collect();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), all.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let head = archive.append()["head"].as_str().unwrap().to_owned();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), head);
    assert!(all.starts_with(&format!("{{\"previous\":\"{ZEROS}\",")));
}

#[tokio::test]
async fn a_line_contains_the_generation_its_commit_and_its_events() {
    let archive = Archive::empty().await;
    archive.append();
    archive
        .execute("BEGIN; SELECT generation_start('by \"hand\"'); UPDATE distro SET variant = 'caf\u{e9}' WHERE name = 'debian12'; COMMIT")
        .await;
    archive.append();
    let line: Value = serde_json::from_str(&archive.lines(2)[0]).unwrap();
    let followed = archive
        .program
        .done(&["event", "follow", "--from", "start", "--once"])
        .stdout;
    let mut followed: Value = serde_json::from_str(followed.lines().last().unwrap()).unwrap();
    let position = archive
        .program
        .value("SELECT max(position) FROM generation_commit")
        .await;
    assert_eq!(
        line["generation"]["commit"]["position"].to_string(),
        position
    );
    assert_eq!(
        last_generation(line["position"].as_str().unwrap()),
        last_generation(followed["position"].as_str().unwrap())
    );
    followed["position"] = line["position"].clone();
    followed["previous"] = line["previous"].clone();
    followed["schema"] = json!("sqern.journal.line/1");
    followed["generation"]["commit"] = line["generation"]["commit"].clone();
    assert_eq!(line, followed);
    // The validator expects the schema first.
    let text = &archive.lines(2)[0];
    let (previous, rest) = text[1..].split_once(',').unwrap();
    let (schema, rest) = rest.split_once(',').unwrap();
    require_valid(&format!("{{{schema},{previous},{rest}"));
}

#[tokio::test]
async fn a_remaining_temporary_file_is_overwritten() {
    let archive = Archive::empty().await;
    fs::create_dir(&archive.directory).unwrap();
    let partial = archive.directory.join(".journal.partial");
    fs::write(&partial, vec![b'x'; 100_000]).unwrap();
    archive.append();
    assert_eq!(archive.files(), [name(1)]);
    fs::write(&partial, "x").unwrap();
    assert_eq!(archive.problems(&[]), Vec::<String>::new());
    assert_eq!(archive.append()["file"], Value::Null);
    assert_eq!(archive.files(), [name(1)]);
}

#[tokio::test]
async fn a_concurrent_run_is_rejected() {
    let archive = Archive::new().await;
    archive.record("d").await;
    let partial = fs::File::create(archive.directory.join(".journal.partial")).unwrap();
    partial.lock().unwrap();
    archive.reject("another process writes to the archive");
    drop(partial);
    // Without coordination, each run either appends all new generations or changes nothing.
    let start = || {
        let mut command = archive.program.command(&archive.arguments("archive", &[]));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let runs: Vec<_> = (0..4).map(|_| start()).collect();
    let mut written = 0;
    for run in runs {
        let ran = Ran::from(run.wait_with_output().unwrap());
        written += usize::from(ran.stdout.starts_with("wrote "));
        assert!(
            ran.status == 0 || ran.stderr.contains("another process writes"),
            "{ran:?}"
        );
    }
    assert_eq!((written, archive.files().len()), (1, 4));
    assert_eq!(archive.problems(&[]), Vec::<String>::new());
}

#[tokio::test]
async fn an_interrupt_leaves_no_file() {
    let archive = Archive::empty().await;
    archive
        .execute("BEGIN; LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        .await;
    let mut command = archive.program.command(&archive.arguments("archive", &[]));
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let partial = archive.directory.join(".journal.partial");
    while !partial.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let mut kill = clean_command("kill");
    let status = kill.args(["-TERM", &child.id().to_string()]).status();
    assert!(status.unwrap().success());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.status, 143, "{ran:?}");
    assert_eq!(archive.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_event_is_reported() {
    let archive = Archive::new().await;
    let [_, id] = archive.ids(2)[..] else {
        panic!("2 generations")
    };
    let differs = format!(
        "{}, line 2: generation {id} differs from the database",
        name(2)
    );
    for (change, revert) in [
        (
            "UPDATE event SET fields = fields || '{\"variant\": \"FALSE\"}'",
            "UPDATE event SET fields = fields || '{\"variant\": \"D\"}'",
        ),
        (
            "UPDATE event SET generation = -generation",
            "UPDATE event SET generation = -generation",
        ),
        (
            "UPDATE event SET tstamp = tstamp - interval '1 day'",
            "UPDATE event SET tstamp = tstamp + interval '1 day'",
        ),
    ] {
        let events = |sql: &str| format!("{sql} WHERE abs(generation) = {id}");
        archive.falsify(&events(change)).await;
        assert_eq!(archive.problems(&[]), [differs.as_str()], "{change}");
        archive.falsify(&events(revert)).await;
        assert_eq!(archive.problems(&[]), Vec::<String>::new());
    }
    archive
        .falsify(&format!("INSERT INTO event (generation, table_name, action, pkey, fields) VALUES ({id}, 'distro', 'insert', '{{\"name\": \"x\"}}', '{{}}')"))
        .await;
    assert_eq!(archive.problems(&[]), [differs]);
    assert_eq!(archive.problems(&["--offline"]), Vec::<String>::new());
    // The next run does not compare the archived generations.
    archive.append();
}

#[tokio::test]
async fn a_changed_generation_or_commit_is_reported() {
    let archive = Archive::new().await;
    let id = archive.ids(3)[0];
    for change in [
        "UPDATE generation SET comment = 'x' WHERE id = ",
        "UPDATE generation_commit SET committed_at = committed_at - interval '1 day' WHERE generation = ",
        "DELETE FROM generation_commit WHERE generation = ",
    ] {
        archive.falsify(&format!("{change}{id}")).await;
        let expected = format!(
            "{}, line 1: generation {id} differs from the database",
            name(3)
        );
        assert_eq!(archive.problems(&[]), [expected], "{change}");
    }
}

#[tokio::test]
async fn deleted_and_inserted_generations_are_reported() {
    let archive = Archive::new().await;
    let deleted = archive.ids(2)[0];
    archive
        .falsify(&format!("DELETE FROM event WHERE generation = {deleted}; DELETE FROM generation_commit WHERE generation = {deleted}; DELETE FROM generation WHERE id = {deleted}"))
        .await;
    // The transaction of the setup precedes the archive, but no generation has its ID.
    archive
        .falsify("INSERT INTO generation (id, xact, tstamp, username) OVERRIDING SYSTEM VALUE VALUES (1000, '7', now(), 'x'); INSERT INTO generation_commit (generation, position, committed_at) VALUES (1000, 0, now())")
        .await;
    archive.record("later").await;
    assert_eq!(
        archive.problems(&[]),
        [
            format!(
                "{}, line 1: generation {deleted} is not in the database",
                name(2)
            ),
            "generation 1000 is in the database, but not in the archive".to_owned(),
        ]
    );
}

#[tokio::test]
async fn a_late_commit_is_in_the_second_file() {
    let archive = Archive::empty().await;
    let late = archive.program.database.client().await;
    late.batch_execute("BEGIN; INSERT INTO distro VALUES ('late', 'D')")
        .await
        .unwrap();
    archive.record("early").await;
    archive.append();
    late.batch_execute("COMMIT").await.unwrap();
    archive.record("last").await;
    assert_eq!(archive.append()["generations"], 2);
    let (first, second) = (archive.ids(1), archive.ids(2));
    assert!(second[0] < first[1], "{first:?} {second:?}");
    assert_eq!(archive.problems(&[]), Vec::<String>::new());
}

#[tokio::test]
async fn a_large_generation_is_archived_and_verified() {
    let archive = Archive::empty().await;
    archive
        .execute("INSERT INTO kver SELECT 'debian12', 'version-' || n FROM generate_series(1, 10000) AS n")
        .await;
    assert_eq!(archive.append()["events"], 10002);
    assert!(archive.lines(1)[1].len() > 1 << 20);
    assert_eq!(archive.problems(&[]), Vec::<String>::new());
    let id = archive.last().await;
    archive
        .falsify(&format!("UPDATE event SET action = 'delete' WHERE generation = {id} AND pkey ->> 'version' = 'version-10000'"))
        .await;
    assert_eq!(
        archive.problems(&[]),
        [format!(
            "{}, line 2: generation {id} differs from the database",
            name(1)
        )]
    );
}

#[tokio::test]
async fn an_archive_of_another_database_is_compared_but_not_extended() {
    let archive = Archive::empty().await;
    archive.append();
    let last = archive.last().await;
    // A copy of the same template, as after a restore.
    let copy = Archive {
        directory: archive.directory.clone(),
        ..Archive::empty().await
    };
    assert_eq!(copy.problems(&[]), Vec::<String>::new());
    copy.record("newer").await;
    assert_eq!(copy.problems(&[]), Vec::<String>::new());
    copy.reject("the position is from the archive");
    archive.record("a").await;
    archive.append();
    assert!(
        copy.problems(&[])[0].contains(&format!("generation {} ", last + 1)),
        "{:?}",
        copy.problems(&[])
    );
}

#[tokio::test]
async fn errors_of_directories_have_hints() {
    let archive = Archive::empty().await;
    let ran = archive.run_verify(&["--offline"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("could not read directory"), "{ran:?}");
    let output = archive
        .program
        .bare_command(&archive.arguments("archive", &[]))
        .output()
        .unwrap();
    assert!(!output.status.success(), "no database is specified");
    assert!(!archive.directory.exists());
    fs::create_dir(&archive.directory).unwrap();
    let ran = archive.run_verify(&["--offline"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let hint = format!(
        "hint: sqern generation archive {}",
        archive.directory.display()
    );
    assert!(
        ran.stderr.contains("contains no archive of the journal") && ran.stderr.contains(&hint),
        "{ran:?}"
    );
    let ran = archive
        .program
        .run(&["generation", "archive", "/nonexistent/archive"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("could not create directory /nonexistent/archive"),
        "{ran:?}"
    );
}
