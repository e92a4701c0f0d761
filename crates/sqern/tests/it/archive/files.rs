//! Damaged, missing and replaced files of an archive.

use std::fs;

use serde_json::Value;

use super::{Archive, name, replace};

/// Returns the problem of a line that does not continue the line before it.
fn broken(file: u32, line: usize) -> String {
    format!(
        "{}, line {line}: the value of previous is not the SHA-256 of the previous line, so one of both lines was changed",
        name(file)
    )
}

#[tokio::test]
async fn damaged_files_are_reported() {
    let archive = Archive::new().await;
    let original = fs::read(archive.path(2)).unwrap();
    let offline = ["--offline"];
    let mut flipped = original.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (content, problem) in [
        (flipped, "line "),
        (original[..original.len() - 1].to_vec(), "line "),
        (vec![], "not a zstd file"),
        (
            zstd::encode_all(&b""[..], 1).unwrap(),
            "the file contains no line",
        ),
        (
            zstd::encode_all(&b"{}\n"[..], 1).unwrap(),
            "line 1: the line does not have the format sqern.journal.line/1",
        ),
        (
            zstd::encode_all(archive.lines(2).join("\n").as_bytes(), 1).unwrap(),
            "line 2: the line has no newline",
        ),
    ] {
        replace(&archive.path(2), &content);
        let problems = archive.problems(&offline);
        assert!(
            problems.len() == 1
                && problems[0].starts_with(&name(2))
                && problems[0].contains(problem),
            "{problems:?}"
        );
    }
    replace(&archive.path(2), &original);
    let [first, second] = &archive.lines(2)[..] else {
        panic!("2 lines")
    };
    // A changed line in a valid file breaks the chain after it.
    let changed = first.replace("\"variant\": \"D\"", "\"variant\": \"E\"");
    assert_ne!(changed, *first);
    archive.replace(2, &format!("{changed}\n{second}\n"));
    assert_eq!(archive.problems(&offline), [broken(2, 2)]);
    archive.replace(2, &format!("{second}\n"));
    assert_eq!(archive.problems(&offline), [broken(2, 1)]);
    archive.replace(2, &format!("{first}\n{second}\n{second}\n"));
    let id = archive.ids(2)[1];
    assert_eq!(
        archive.problems(&offline),
        [broken(2, 3), format!("2 lines contain generation {id}")]
    );
}

#[tokio::test]
async fn missing_and_swapped_files_are_reported() {
    let archive = Archive::new().await;
    let [second, third] = [2, 3].map(|number| fs::read(archive.path(number)).unwrap());
    let missing = archive.ids(2);
    fs::remove_file(archive.path(2)).unwrap();
    let is_missing = format!("{} is missing", name(2));
    assert_eq!(
        archive.problems(&["--offline"]),
        std::slice::from_ref(&is_missing)
    );
    let not_in = |id: &i64| format!("generation {id} is in the database, but not in the archive");
    assert_eq!(
        archive.problems(&[]),
        [vec![is_missing], missing.iter().map(not_in).collect()].concat()
    );
    archive.reject(&format!(
        "{} is missing; nothing was changed",
        archive.path(2).display()
    ));
    fs::rename(archive.path(3), archive.path(2)).unwrap();
    assert_eq!(archive.problems(&["--offline"]), [broken(2, 1)]);
    replace(&archive.path(2), &third);
    fs::write(archive.path(3), &second).unwrap();
    assert_eq!(
        archive.problems(&["--offline"]),
        [broken(2, 1), broken(3, 1)]
    );
}

#[tokio::test]
async fn a_damaged_newest_file_is_not_extended() {
    let archive = Archive::new().await;
    let content = fs::read(archive.path(3)).unwrap();
    replace(&archive.path(3), &content[..content.len() - 4]);
    archive.record("d").await;
    archive.reject(&format!("{}, line ", archive.path(3).display()));
    replace(&archive.path(3), &content);
    assert_eq!(archive.append()["generations"], 1);
}

#[tokio::test]
async fn a_head_is_found_unless_lines_were_removed_or_replaced() {
    let archive = Archive::new().await;
    let last = archive.append()["head"].as_str().unwrap().to_owned();
    let second: Value = serde_json::from_str(&archive.lines(3)[0]).unwrap();
    let second = second["previous"].as_str().unwrap();
    let heads = ["--offline", "--head", second, "--head", &last];
    let without_database = [&archive.arguments("verify", &heads)[..], &["--quiet"]].concat();
    let output = archive.program.bare_command(&without_database).output();
    assert!(output.unwrap().status.success());
    assert_eq!(archive.problems(&heads), Vec::<String>::new());
    assert_eq!(
        archive.problems(&["--head", &last.to_uppercase()]),
        Vec::<String>::new()
    );
    fs::remove_file(archive.path(3)).unwrap();
    assert_eq!(archive.problems(&["--offline"]), Vec::<String>::new());
    assert_eq!(
        archive.problems(&heads),
        [format!("no line has the SHA-256 {last}")]
    );
    let usage = archive.run_verify(&["--head", "abc"]);
    assert_eq!(usage.status, 2, "{usage:?}");
    assert!(
        usage.stderr.contains("expected 64 hexadecimal digits"),
        "{usage:?}"
    );
}
