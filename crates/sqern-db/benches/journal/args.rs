//! Command line arguments.

/// All goals, which are the default.
const ALL: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// The goal of `--gate`. WAL bytes do not depend on the load of the machine.
pub const GATE: u8 = 2;

const USAGE: &str = "\
usage: scripts/bench [--goal N]… [--quick] [--cpu] [--gate]

Measures the goals of the journal on a temporary private server, and prints a Markdown table.

--goal N  goal to measure [default: all] (repeatable)
--quick   small sizes, to test the benchmark
--cpu     measure the CPU time of the server process, for a busy machine; waiting time is excluded
--gate    exit with status 1 if the WAL goal (2) is missed [default: status 0 for all results]
";

/// Options of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Args {
    /// Selected goals in ascending order, without duplicates.
    pub goals: Vec<u8>,
    /// Whether to use small sizes.
    pub quick: bool,
    /// Whether to measure CPU time instead of elapsed time.
    pub cpu: bool,
    /// Whether the goal [`GATE`] determines the exit status.
    pub gate: bool,
}

/// The requested action.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Measure.
    Run(Args),
    /// Print a text and exit with a status.
    Print(String, u8),
}

impl Args {
    /// Parses the arguments after the program name. `cargo bench` adds `--bench`.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Action {
        let (mut goals, mut quick, mut cpu, mut gate, mut bench) =
            (Vec::new(), false, false, false, false);
        let usage_error = |text: String| Action::Print(format!("{text}\n\n{USAGE}"), 2);
        while let Some(argument) = args.next() {
            match argument.as_str() {
                "--goal" => match args
                    .next()
                    .and_then(|number| number.parse().ok())
                    .filter(|goal| ALL.contains(goal))
                {
                    Some(goal) => goals.push(goal),
                    None => return usage_error(format!("--goal requires a number from {ALL:?}")),
                },
                "--quick" => quick = true,
                "--cpu" => cpu = true,
                "--gate" => gate = true,
                "--bench" => bench = true,
                "-h" | "--help" => return Action::Print(USAGE.to_owned(), 0),
                other => return usage_error(format!("unknown argument {other:?}")),
            }
        }
        if !bench {
            // `cargo test --all-targets` also runs this program.
            return Action::Print(
                "nothing is measured without --bench: run scripts/bench\n".to_owned(),
                0,
            );
        }
        if gate && !goals.is_empty() && !goals.contains(&GATE) {
            return usage_error(format!("--gate requires goal {GATE}"));
        }
        if goals.is_empty() {
            goals = ALL.to_vec();
        }
        goals.sort_unstable();
        goals.dedup();
        Action::Run(Self {
            goals,
            quick,
            cpu,
            gate,
        })
    }
}
