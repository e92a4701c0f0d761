//! Manual pages and completions, tested with the installed ones of the programs that read them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::program::{environment_at, program_at};
use clap::CommandFactory as _;

/// Runs the program without a database and a home directory.
fn sqern(arguments: &[&str]) -> Output {
    program_at(Path::new("/nonexistent"), arguments)
        .output()
        .expect("the program runs")
}

/// Returns the output of a program, or `None` if it is not installed.
///
/// Completion scripts start sqern, so the program has no database and no home directory either.
fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = environment_at(&mut command, Path::new("/nonexistent"))
        .args(arguments)
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Returns the names of the pages of a command and its subcommands.
fn pages(command: &clap::Command, prefix: &str) -> Vec<String> {
    let name = format!("{prefix}{}", command.get_name());
    let subcommand = command
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set() && subcommand.get_name() != "help");
    let mut all: Vec<String> = subcommand
        .flat_map(|subcommand| pages(subcommand, &format!("{name}-")))
        .collect();
    all.push(format!("{name}.1"));
    all
}

#[test]
fn every_command_has_a_manual_page_that_man_can_read() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let written = sqern(&[
        "man",
        "--dir",
        directory.to_str().unwrap(),
        "--date",
        "2026-01-31",
    ]);
    assert!(written.status.success(), "{written:?}");
    let mut expected = pages(&sqern::cli::Cli::command(), "");
    expected.sort();
    let mut found: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, expected);
    let page = fs::read_to_string(directory.join("sqern-cust-load.1")).unwrap();
    let begin = ".TH sqern-cust-load 1 2026-01-31 \"sqern 0.1.0\" sqern\n";
    assert!(
        page.contains(begin)
            && page.contains("\n.SH EXAMPLES\n.nf\nsqern cust load report.json \\-\\-dry\\-run\n"),
        "{page}"
    );
    for name in found {
        let path = directory.join(name).display().to_string();
        // clap_mangen prints 2 blank lines before the possible values of an option, which is
        // harmless.
        let lint = output_of("mandoc", &["-Tlint", "-W", "warning", &path]).unwrap_or_default();
        let remarks: Vec<&str> = lint
            .lines()
            .filter(|line| !line.contains("skipping paragraph macro: br"))
            .collect();
        assert!(remarks.is_empty(), "{remarks:?}");
        let warned =
            output_of("groff", &["-man", "-ww", "-z", "-Tutf8", &path]).unwrap_or_default();
        assert_eq!(warned, "", "{path}");
    }
    let nowhere = sqern(&["man", "--dir", "/nonexistent"]);
    assert!(
        nowhere.status.code() == Some(1)
            && String::from_utf8_lossy(&nowhere.stderr).contains("to /nonexistent"),
        "{nowhere:?}"
    );
}

/// Writes the completions for a shell to a directory, and returns the path of the file.
fn script(directory: &Path, shell: &str) -> String {
    let script = directory.join(shell);
    let output = sqern(&["completions", shell]);
    assert!(output.status.success(), "{output:?}");
    fs::write(&script, output.stdout).unwrap();
    script.display().to_string()
}

#[test]
fn shells_complete_commands_and_options() {
    let directory = tempfile::tempdir().unwrap();
    let bash = script(directory.path(), "bash");
    let program = Path::new(env!("CARGO_BIN_EXE_sqern"))
        .parent()
        .unwrap()
        .display()
        .to_string();
    let complete = |arguments: &str, current: &str, index: usize| {
        let script = format!(
            "set -u; PATH='{program}':$PATH; source '{bash}'; complete -p sqern >/dev/null; COMP_WORDS=({arguments}); \
             COMP_CWORD={index}; COMP_TYPE=9; _clap_complete_sqern sqern '{current}' x; echo ${{COMPREPLY[@]}}"
        );
        output_of("bash", &["--norc", "-c", &script])
            .expect("bash is installed")
            .trim()
            .to_owned()
    };
    assert_eq!(complete("sqern doc", "doc", 1), "doctor");
    assert_eq!(complete("sqern cust lo", "lo", 2), "load");
    assert_eq!(complete("sqern doctor --off", "--off", 2), "--offline");
    assert_eq!(
        complete("sqern kver list --distro deb", "deb", 4),
        "",
        "no database is reachable"
    );

    let fish = script(directory.path(), "fish");
    if let Some(completed) = output_of(
        "fish",
        &[
            "--no-config",
            "-c",
            &format!("source '{fish}'; complete -C 'sqern cust lo'"),
        ],
    ) {
        assert!(completed.starts_with("load\t"), "{completed}");
    }
    let zsh = script(directory.path(), "zsh");
    let load = format!(
        "autoload -Uz compinit && compinit -D -u && source '{zsh}' && print $_comps[sqern] ${{+functions[_clap_dynamic_completer_sqern]}}"
    );
    if let Some(loaded) = output_of("zsh", &["-f", "-c", &load]) {
        assert_eq!(loaded, "_clap_dynamic_completer_sqern 1\n");
    }
}

const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/reference/errors.md"
);
const INTRODUCTION: &str = "<!-- Generated by scripts/update-generated. Do not edit. -->
# Error codes

With `--json`, a command prints its error as a JSON object to standard error. The field `code` identifies the kind of the error. Codes keep
their meaning in later versions; the text of `message` and `hints` can change. Errors in the syntax of the command line are plain text.

```text
{\"schema\":\"sqern.error/1\",\"error\":{\"code\":\"unknown-distro\",\"message\":\"…\",\"hints\":[\"Did you mean debian12?\"]}}
```

| code | meaning |
| --- | --- |
";

/// The page `docs/reference/errors.md`. With `SQERN_BLESS=1`, it is written.
#[test]
fn the_page_of_error_codes_is_current() {
    let rows: String = sqern::error::code::CODES
        .iter()
        .map(|(code, meaning)| format!("| `{code}` | {meaning} |\n"))
        .collect();
    let page = format!("{INTRODUCTION}{rows}");
    if std::env::var_os("SQERN_BLESS").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    assert_eq!(
        fs::read_to_string(Path::new(PAGE)).unwrap(),
        page,
        "run scripts/update-generated"
    );
}
