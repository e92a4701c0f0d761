//! The words of the command line.

/// The goals that are measured when none is named.
const ALL: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// The goal that `--gate` is about: WAL bytes are steady under noise.
pub const GATE: u8 = 2;

const USAGE: &str = "\
usage: scripts/bench [--goal N]… [--quick] [--cpu] [--gate]

Measures the journal against its goals, on a private server of its own, and prints a Markdown table.

--goal N  only this goal; may be given several times
--quick   small sizes: shows that the bench works, the figures say little
--cpu     times of statements are those that the server's process ran on a processor: on a busy machine they say more than
          the clock does, and they lack what a statement waits for
--gate    exit status 1 when the WAL goal (2) falls short; else it is 0 whatever was measured
";

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub struct Args {
    /// In ascending order, each once.
    pub goals: Vec<u8>,
    /// Small sizes.
    pub quick: bool,
    /// Time on a processor in place of time.
    pub cpu: bool,
    /// Whether the goal [`GATE`] decides the exit status.
    pub gate: bool,
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// To measure.
    Run(Args),
    /// To print a text and end with a status.
    Say(String, u8),
}

impl Args {
    /// Reads the words after the program's name; cargo adds `--bench` when it benches.
    pub fn read(words: impl Iterator<Item = String>) -> Asked {
        let (mut goals, mut quick, mut cpu, mut gate, mut bench) = (Vec::new(), false, false, false, false);
        let mut words = words;
        let wrong = |text: String| Asked::Say(format!("{text}\n\n{USAGE}"), 2);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--goal" => match words.next().and_then(|number| number.parse().ok()).filter(|goal| ALL.contains(goal)) {
                    Some(goal) => goals.push(goal),
                    None => return wrong(format!("expected a number of {ALL:?} after --goal")),
                },
                "--quick" => quick = true,
                "--cpu" => cpu = true,
                "--gate" => gate = true,
                "--bench" => bench = true,
                "-h" | "--help" => return Asked::Say(USAGE.to_owned(), 0),
                other => return wrong(format!("expected an option, got {other:?}")),
            }
        }
        if !bench {
            // `cargo test --all-targets` comes by here, and wants no measuring.
            return Asked::Say("nothing is measured without --bench: run scripts/bench\n".to_owned(), 0);
        }
        if gate && !goals.is_empty() && !goals.contains(&GATE) {
            return wrong(format!("expected --gate with goal {GATE}, got other goals alone"));
        }
        if goals.is_empty() {
            goals = ALL.to_vec();
        }
        goals.sort_unstable();
        goals.dedup();
        Asked::Run(Self { goals, quick, cpu, gate })
    }
}
