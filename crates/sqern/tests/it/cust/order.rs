//! The order of versions, compared with that of dpkg and rpm.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use sqern_model::{DistroName, KernelVersion, Source, VersionRule};
use sqern_testkit::clean_command;

const PAIRS: usize = 5000;

/// A generator of the same numbers in each run: xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// Patterns of kernel versions: `#` is a number below 13, `?` a number below 600, and `[a|b|]` one
/// of these texts.
const DEBIAN: [&str; 11] = [
    "6.1.0-#-amd64",
    "6.1.0-#[-cloud|-rt|]-amd64",
    "#.#.0-0.[bpo|deb11].#-[cloud-|]amd64",
    "6.#.#[+deb13|+bpo|~bpo12|]-[amd64|arm64|686-pae]",
    "6.#[~rc#|-rc#|]-amd64",
    "5.15.0-?-[generic|lowlatency|aws|azure|generic-64k]",
    "6.8.0-?[.#~22.04.#|.#|]-generic",
    "6.#.12-#-pve",
    "5.13.19-#-pve",
    "4.#.0-?-[generic|kvm]",
    "6.#.#-[1|01|001|10]-amd64",
];
const RPM: [&str; 15] = [
    "4.18.0-?.el8.x86_64",
    "4.18.0-?[.#.#|.#|].el8_#.x86_64",
    "5.14.0-?[.#.1|].el9[_#|].[x86_64|aarch64]",
    "5.15.0-?.#.#[.#|].el8uek.x86_64",
    "5.4.17-?.#.#.el7uek.x86_64",
    "3.10.0-?[.#.1|].el7.x86_64[+debug|]",
    "6.4.0-150600.#.#[.#|]-[default|azure|rt]",
    "5.14.21-150#00.24.#-default",
    "6.#.#-[1|2]-default",
    "6.#.0-0.rc#[.20240724git?b7718]?8dbd3.#|.#].fc4#.x86_64",
    "6.#.#-[100|200|300|301].fc4#.x86_64",
    "4.14.?-?.?.amzn2.x86_64",
    "6.1.?-#.#.amzn2023.[x86_64|aarch64]",
    "6.#[~rc#|^git#|]-#.ph5",
    "5.3.18-[24.9|24_9|024.09|24.9.]-[default|rt]",
];

fn shape(random: &mut Random, shape: &str) -> String {
    let mut text = String::new();
    let mut rest = shape;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '#' => write!(text, "{}", random.below(13)).unwrap(),
            '?' => write!(text, "{}", random.below(600)).unwrap(),
            '[' => {
                let (choices, rest_after) = rest.split_once(']').unwrap();
                let choices: Vec<&str> = choices.split('|').collect();
                let chosen = random
                    .of(&choices)
                    .replace('#', &random.below(4).to_string())
                    .replace('?', &random.below(40).to_string());
                text.push_str(&chosen);
                rest = rest_after;
            }
            other => text.push(other),
        }
    }
    text
}

/// Returns pairs of similar versions, mostly of the same pattern.
fn pairs(shapes: &[&str]) -> Vec<[KernelVersion; 2]> {
    let mut random = Random(0x7371_6572_6e21);
    let mut pairs = Vec::with_capacity(PAIRS);
    while pairs.len() < PAIRS {
        let pattern = random.of(shapes);
        let other = if random.below(4) == 0 {
            random.of(shapes)
        } else {
            pattern
        };
        let texts = [shape(&mut random, pattern), shape(&mut random, other)];
        pairs.push(texts.map(|text| KernelVersion::recorded(text).unwrap()));
    }
    pairs
}

/// Whether two orders agree. sqern orders different texts of the same version by their text.
fn agrees(actual: Ordering, expected: Ordering, pair: &[KernelVersion; 2]) -> bool {
    if expected.is_eq() {
        actual == pair[0].cmp(&pair[1])
    } else {
        actual == expected
    }
}

#[test]
fn five_thousand_pairs_are_ordered_like_dpkg() {
    let pairs = pairs(&DEBIAN);
    // One shell for all pairs, because dpkg compares one pair per call.
    let script = "while read -r a b; do
        if dpkg --compare-versions \"$a\" lt \"$b\"; then echo lt; elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo eq; else echo gt; fi
    done";
    let results = run_comparison(clean_command("sh").args(["-c", script]), &pairs);
    compare(VersionRule::Dpkg, &pairs, &results, "apt-get install dpkg");
}

#[test]
fn five_thousand_pairs_are_ordered_like_rpm() {
    let pairs = pairs(&RPM);
    let script = "%{lua:
        for line in io.lines('/dev/stdin') do
            local a, b = line:match('(%S+) (%S+)')
            local order = rpm.vercmp(a, b)
            print(order < 0 and 'lt ' or order > 0 and 'gt ' or 'eq ')
        end
    }";
    let results = run_comparison(clean_command("rpm").args(["--eval", script]), &pairs);
    compare(VersionRule::Rpm, &pairs, &results, "apt-get install rpm");
}

/// Returns the output of a program for the pairs: one result per pair.
fn run_comparison(command: &mut Command, pairs: &[[KernelVersion; 2]]) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} must run: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = pairs.iter().map(|[a, b]| format!("{a} {b}\n")).collect();
    // A separate thread, because the program writes results before it has read all pairs.
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn compare(rule: VersionRule, pairs: &[[KernelVersion; 2]], results: &str, hint: &str) {
    let results: Vec<&str> = results.split_whitespace().collect();
    assert_eq!(results.len(), pairs.len(), "one result per pair; {hint}");
    let mut counts = [0; 3];
    for (pair, result) in pairs.iter().zip(results) {
        let expected = match result {
            "lt" => Ordering::Less,
            "gt" => Ordering::Greater,
            _ => Ordering::Equal,
        };
        counts[usize::try_from(expected as i8 + 1).unwrap()] += 1;
        let [a, b] = pair;
        assert!(
            agrees(rule.cmp(a, b), expected, pair),
            "{a} {b}: {rule:?} returns {:?}, the program {expected:?}",
            rule.cmp(a, b)
        );
    }
    assert!(
        counts.iter().all(|count| *count > 20),
        "the pairs contain older, equal and newer versions: {counts:?}"
    );
}

#[test]
fn version_order_follows_the_package_manager_of_the_sources() {
    for (name, def) in sqern_upstream::sources::builtin().unwrap().distros {
        for source in &def.sources {
            let expected = match source {
                Source::Apt(_) => VersionRule::Dpkg,
                Source::RpmMd(_) => VersionRule::Rpm,
            };
            assert_eq!(VersionRule::of(&name), expected, "{name}");
        }
    }
    for variant in sp_variant::get_all_variants_in_order() {
        let name = DistroName::new(variant.builder.alias.as_str()).unwrap();
        let expected = if variant.family == "debian" {
            VersionRule::Dpkg
        } else {
            VersionRule::Rpm
        };
        assert_eq!(VersionRule::of(&name), expected, "{name}");
    }
}
