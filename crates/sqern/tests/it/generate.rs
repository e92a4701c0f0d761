//! What packages bring along: manual pages and completions, tried by the programs that they are for, as far as those are here.

use std::fs;
use std::path::Path;
use std::process::Output;

use clap::CommandFactory as _;
use sqern_testkit::clean_command;

use crate::program::program_at;

/// The program, without a database or a home.
fn sqern(arguments: &[&str]) -> Output {
    program_at(Path::new("/nonexistent"), arguments).output().expect("the program runs")
}

/// What a program says of what is put to it, or nothing where it is not here.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = clean_command(program).args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// The pages that a command and those below it must have.
fn pages(command: &clap::Command, above: &str) -> Vec<String> {
    let name = format!("{above}{}", command.get_name());
    let below = command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help");
    let mut all: Vec<String> = below.flat_map(|below| pages(below, &format!("{name}-"))).collect();
    all.push(format!("{name}.1"));
    all
}

#[test]
fn every_command_has_a_manual_page_that_man_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let written = sqern(&["man", "--dir", folder.to_str().unwrap(), "--date", "2026-01-31"]);
    assert!(written.status.success(), "{written:?}");
    let mut expected = pages(&sqern::cli::Cli::command(), "");
    expected.sort();
    let mut found: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, expected);
    let page = fs::read_to_string(folder.join("sqern-cust-load.1")).unwrap();
    let begin = ".TH sqern-cust-load 1 2026-01-31 \"sqern 0.1.0\" sqern\n";
    assert!(
        page.contains(begin) && page.contains("\n.SH EXAMPLES\n.nf\nsqern cust load report.json \\-\\-dry\\-run\n"),
        "{page}"
    );
    for name in found {
        let path = folder.join(name).display().to_string();
        // Two blank lines in a row stand before the possible values of an option, and look as they should.
        let lint = said("mandoc", &["-Tlint", "-W", "warning", &path]).unwrap_or_default();
        let remarks: Vec<&str> = lint.lines().filter(|line| !line.contains("skipping paragraph macro: br")).collect();
        assert!(remarks.is_empty(), "{remarks:?}");
        let warned = said("groff", &["-man", "-ww", "-z", "-Tutf8", &path]).unwrap_or_default();
        assert_eq!(warned, "", "{path}");
    }
    let nowhere = sqern(&["man", "--dir", "/nonexistent"]);
    assert!(
        nowhere.status.code() == Some(1) && String::from_utf8_lossy(&nowhere.stderr).contains("to /nonexistent"),
        "{nowhere:?}"
    );
}

/// A folder with the completions for a shell in `script`.
fn script(folder: &Path, shell: &str) -> String {
    let script = folder.join(shell);
    let output = sqern(&["completions", shell]);
    assert!(output.status.success(), "{output:?}");
    fs::write(&script, output.stdout).unwrap();
    script.display().to_string()
}

#[test]
fn shells_complete_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let bash = script(folder.path(), "bash");
    let program = Path::new(env!("CARGO_BIN_EXE_sqern")).parent().unwrap().display().to_string();
    let complete = |arguments: &str, current: &str, index: usize| {
        let script = format!(
            "set -u; PATH='{program}':$PATH; source '{bash}'; complete -p sqern >/dev/null; COMP_WORDS=({arguments}); \
             COMP_CWORD={index}; COMP_TYPE=9; _clap_complete_sqern sqern '{current}' x; echo ${{COMPREPLY[@]}}"
        );
        said("bash", &["--norc", "-c", &script]).expect("bash is here").trim().to_owned()
    };
    assert_eq!(complete("sqern doc", "doc", 1), "doctor");
    assert_eq!(complete("sqern cust lo", "lo", 2), "load");
    assert_eq!(complete("sqern doctor --off", "--off", 2), "--offline");
    assert_eq!(complete("sqern kver list --distro deb", "deb", 4), "", "no database is reachable");

    let fish = script(folder.path(), "fish");
    if let Some(completed) = said("fish", &["--no-config", "-c", &format!("source '{fish}'; complete -C 'sqern cust lo'")]) {
        assert!(completed.starts_with("load\t"), "{completed}");
    }
    let zsh = script(folder.path(), "zsh");
    let load = format!(
        "autoload -Uz compinit && compinit -D -u && source '{zsh}' && print $_comps[sqern] ${{+functions[_clap_dynamic_completer_sqern]}}"
    );
    if let Some(loaded) = said("zsh", &["-f", "-c", &load]) {
        assert_eq!(loaded, "_clap_dynamic_completer_sqern 1\n");
    }
}
