//! Tests that each command that a hint suggests is a command of this program.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use super::Cli;

/// The values of the placeholders of hints: variables, and names in capitals. Other placeholders
/// are tested with each value of [`ANY`].
const VALUES: &[(&str, &str)] = &[
    ("distro", "debian12"),
    ("version", "6.1.0-25-amd64"),
    ("kernel.version", "6.1.0-25-amd64"),
    ("dir", "/srv/sqern"),
    ("id", "7"),
    ("test", "7"),
    ("NAME", "debian12"),
    ("FILE", "report.json"),
    ("DIR", "/srv/sqern"),
    ("VARIANT", "DEBIAN12"),
    ("FINGERPRINT", "0123456789ABCDEF0123456789ABCDEF01234567"),
    ("ABORTED", "aborted"),
];
const ANY: &[&str] = &["build", "7", "debian12", "6.1.0-25-amd64", "/srv/sqern"];

/// Texts that start like a command: a map of users, a message about a setting, a list of
/// subcommands, and the text of a digest.
const NO_COMMANDS: &[&str] = &[
    "sqern",
    "sqern \"{}\" {ROLE}",
    "sqern reads tables, not the replication stream: leave it out",
    "sqern local status|up|down|destroy",
    "sqern crawl 3",
];

/// Returns the Rust files of all crates, without tests.
fn sources() -> Vec<PathBuf> {
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir()
                && !["tests", "benches", "target", "sqern-testkit"]
                    .iter()
                    .any(|skipped| name == *skipped)
            {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && name != "hints.rs"
                && name != "tests.rs"
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Returns the string literals of a Rust file up to its tests, with escapes resolved.
fn literals(source: &str) -> Vec<String> {
    let source = source
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let mut literals = Vec::new();
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '/' if characters.peek() == Some(&'/') => {
                characters.by_ref().find(|next| *next == '\n');
            }
            // A character literal may contain a quotation mark; a lifetime has no second
            // apostrophe.
            '\'' => match characters.next() {
                Some('\\') => {
                    characters.next();
                    characters.by_ref().find(|next| *next == '\'');
                }
                Some(_) if characters.peek() == Some(&'\'') => {
                    characters.next();
                }
                _ => {}
            },
            'r' if characters.peek() == Some(&'#') => {
                let hashes = std::iter::from_fn(|| characters.next_if_eq(&'#')).count();
                if characters.next_if_eq(&'"').is_some() {
                    let end = format!("\"{}", "#".repeat(hashes));
                    let mut text = String::new();
                    while !text.ends_with(&end) {
                        text.push(characters.next().expect("the literal ends"));
                    }
                    literals.push(text[..text.len() - end.len()].to_owned());
                }
            }
            '"' => literals.push(literal(&mut characters)),
            _ => {}
        }
    }
    literals
}

/// Returns the literal whose opening quotation mark was read.
fn literal(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    loop {
        match characters.next().expect("the literal ends") {
            '"' => return text,
            '\\' => match characters.next().expect("an escape is complete") {
                '\n' => while characters.next_if(|next| next.is_whitespace()).is_some() {},
                'n' => text.push('\n'),
                't' => text.push('\t'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

/// Returns the commands of a text that consists of or ends in commands: `sqern …`, alone, after a
/// label, or one of several.
fn commands(text: &str) -> Vec<String> {
    let is_hint = |start: usize| {
        start == 0
            || [": ", "; ", "&& ", "| "]
                .iter()
                .any(|before| text[..start].ends_with(before))
    };
    let starts = text
        .match_indices("sqern ")
        .map(|(start, _)| start)
        .filter(|start| is_hint(*start));
    let command = |start: usize| {
        let rest = &text[start..];
        let end = [" #", ";", " &&", " |", "\n"]
            .iter()
            .filter_map(|end| rest.find(end))
            .min()
            .unwrap_or(rest.len());
        rest[..end].trim().to_owned()
    };
    starts
        .map(command)
        .filter(|command| !text[..text.find(command).unwrap_or(0)].contains(" #"))
        .collect()
}

/// Splits a command into arguments. Quotation marks enclose spaces.
fn arguments(command: &str) -> Vec<String> {
    let (mut arguments, mut argument, mut quote) = (Vec::new(), String::new(), None);
    for character in command.chars() {
        match (character, quote) {
            (mark, Some(open)) if mark == open => quote = None,
            ('\'' | '"', None) => quote = Some(character),
            (' ', None) => arguments.extend(
                Some(std::mem::take(&mut argument)).filter(|argument| !argument.is_empty()),
            ),
            _ => argument.push(character),
        }
    }
    arguments.extend(Some(argument).filter(|argument| !argument.is_empty()));
    arguments
}

/// Returns the first placeholder of a command: `{name}`, `{}` or a name in capitals.
fn placeholder(command: &str) -> Option<(std::ops::Range<usize>, String)> {
    if let Some(start) = command.find('{') {
        let end = start + command[start..].find('}')? + 1;
        return Some((start..end, command[start + 1..end - 1].to_owned()));
    }
    let mut start = 0;
    for argument in command.split(' ') {
        let is_capital = |character: char| character.is_ascii_uppercase() || character == '_';
        if argument.len() > 1 && argument.chars().all(is_capital) {
            return Some((start..start + argument.len(), argument.to_owned()));
        }
        start += argument.len() + 1;
    }
    None
}

/// Whether the command parses with some values of its placeholders; `Err` contains the last error.
fn parses(command: &str) -> Result<(), String> {
    let Some((range, name)) = placeholder(command) else {
        // The shell replaces this part.
        let command = command.replace("$(uname -r)", "6.1.0-25-amd64");
        return match Cli::try_parse_from(arguments(&command)) {
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
                ) =>
            {
                Err(error.to_string())
            }
            _ => Ok(()),
        };
    };
    let known = VALUES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, value)| *value);
    let mut result = Ok(());
    for value in known.as_ref().map_or(ANY, std::slice::from_ref) {
        result = parses(&[&command[..range.start], value, &command[range.end..]].concat());
        if result.is_ok() {
            break;
        }
    }
    result
}

#[test]
fn every_command_that_a_hint_suggests_is_parsed() {
    let (mut found, mut wrong) = (0, Vec::new());
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        for text in literals(&source)
            .iter()
            .filter(|text| !text.starts_with("Example"))
        {
            for command in commands(text) {
                // clap creates the usage line of a command.
                if NO_COMMANDS.contains(&command.as_str()) || command.contains("[OPTIONS]") {
                    continue;
                }
                found += 1;
                if let Err(error) = parses(&command) {
                    let error = error.lines().next().unwrap_or_default();
                    wrong.push(format!("{}: {command}: {error}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {found}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        found >= 60,
        "expected at least 60 commands in hints, found {found}"
    );
}

/// Returns the literal arguments of `.hint(…)` and `.with_hint(…)`, also inside `format!`.
fn hints(source: &str) -> Vec<String> {
    let source = source
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let arguments = source.split("hint(").skip(1).map(|rest| {
        rest.trim_start()
            .trim_start_matches("format!(")
            .trim_start()
    });
    arguments
        .filter_map(|rest| rest.strip_prefix('"'))
        .map(|rest| literal(&mut rest.chars().peekable()))
        .collect()
}

/// Whether a hint is a sentence, a sentence that ends in a command, or a command with an optional
/// comment after two spaces.
fn has_style(hint: &str) -> bool {
    let (command, comment) = hint
        .split_once('#')
        .map_or((hint, None), |(command, comment)| (command, Some(comment)));
    let is_comment = |comment: &str| {
        command.ends_with("  ") && !command.ends_with("   ") && comment.starts_with(' ')
    };
    let is_sentence = hint.starts_with(|first: char| first.is_ascii_uppercase());
    if is_sentence {
        hint.ends_with(['.', '?']) || hint.contains(": ")
    } else {
        !hint.starts_with('-') && comment.is_none_or(is_comment)
    }
}

#[test]
fn each_hint_is_a_sentence_or_a_command() {
    let all: Vec<String> = sources()
        .iter()
        .flat_map(|path| hints(&fs::read_to_string(path).unwrap()))
        .collect();
    let wrong: Vec<&String> = all.iter().filter(|hint| !has_style(hint)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        all.len() >= 40,
        "expected at least 40 hints, found {}",
        all.len()
    );
    let correct = [
        "sqern fetch  # fetches",
        "Install make.",
        "Create a directory: mkdir -m 700 x",
        "apt-get update",
    ];
    assert!(correct.iter().all(|hint| has_style(hint)));
    let wrong = [
        "sqern fetch   # fetches",
        "sqern fetch # fetches",
        "--target TARGET",
        "Install make",
        "sqern fetch  #x",
    ];
    assert!(!wrong.iter().any(|hint| has_style(hint)));
}

/// The maximum length of a line of examples. The reference pages wrap longer lines.
const EXAMPLE_CHARACTERS: usize = 96;

/// Returns the lines of the examples of a command and its subcommands that are too long.
fn long_examples(command: &clap::Command) -> Vec<String> {
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    let examples = help
        .lines()
        .skip_while(|line| !line.starts_with("Example"))
        .take_while(|line| !line.is_empty());
    let long = examples
        .filter(|line| line.chars().count() > EXAMPLE_CHARACTERS)
        .map(str::to_owned);
    long.chain(command.get_subcommands().flat_map(long_examples))
        .collect()
}

#[test]
fn example_lines_are_not_wrapped_in_the_reference_pages() {
    assert_eq!(long_examples(&Cli::command()), Vec::<String>::new());
    let example = |length: usize| {
        clap::Command::new("x").after_help(format!("Examples:\n{}", "x".repeat(length)))
    };
    assert_eq!(long_examples(&example(EXAMPLE_CHARACTERS)).len(), 0);
    assert_eq!(long_examples(&example(EXAMPLE_CHARACTERS + 1)).len(), 1);
}

#[test]
fn a_wrong_command_in_a_hint_is_detected() {
    assert_eq!(
        commands("see why: sqern db status; sqern why {version}  # sqern x"),
        ["sqern db status", "sqern why {version}"]
    );
    assert_eq!(
        literals("fn f() { g(\"sqern \\\"a b\\\"\", '\"', r#\"x \"y\"#) } // \"no\""),
        ["sqern \"a b\"", "x \"y"]
    );
    assert_eq!(
        arguments("sqern --at '1 day ago' x"),
        ["sqern", "--at", "1 day ago", "x"]
    );
    assert!(parses("sqern kver show {version} --distro {distro}").is_ok());
    assert!(parses("sqern kver show {distro} {version}").is_err());
    assert!(parses("sqern build show {}").is_ok());
    assert!(parses("sqern store prune removes directories").is_err());
}
