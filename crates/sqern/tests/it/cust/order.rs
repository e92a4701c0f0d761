//! Newest first, as dpkg and rpm themselves say it.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use sqern_model::{DistroName, KernelVersion, Source, VersionRule};
use sqern_testkit::clean_command;

const PAIRS: usize = 5000;

/// Numbers that are the same in each run: xorshift64*.
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

/// How kernels are named: `#` is a number, `?` a larger one, `[a|b|]` one of these.
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
                let (choices, behind) = rest.split_once(']').unwrap();
                let choices: Vec<&str> = choices.split('|').collect();
                let chosen =
                    random.of(&choices).replace('#', &random.below(4).to_string()).replace('?', &random.below(40).to_string());
                text.push_str(&chosen);
                rest = behind;
            }
            other => text.push(other),
        }
    }
    text
}

/// Pairs that are hard to tell apart: mostly of one shape.
fn pairs(shapes: &[&str]) -> Vec<[KernelVersion; 2]> {
    let mut random = Random(0x7371_6572_6e21);
    let mut pairs = Vec::with_capacity(PAIRS);
    while pairs.len() < PAIRS {
        let one = random.of(shapes);
        let other = if random.below(4) == 0 { random.of(shapes) } else { one };
        let texts = [shape(&mut random, one), shape(&mut random, other)];
        pairs.push(texts.map(|text| KernelVersion::new(text).unwrap()));
    }
    pairs
}

/// Whether two orders agree. Where the program holds two texts for the same version, ours puts them by their text.
fn agrees(ours: Ordering, theirs: Ordering, pair: &[KernelVersion; 2]) -> bool {
    if theirs.is_eq() { ours == pair[0].cmp(&pair[1]) } else { ours == theirs }
}

#[test]
fn five_thousand_pairs_stand_as_dpkg_puts_them() {
    let pairs = pairs(&DEBIAN);
    // One shell for all; dpkg compares a pair a call.
    let script = "while read -r a b; do
        if dpkg --compare-versions \"$a\" lt \"$b\"; then echo lt; elif dpkg --compare-versions \"$a\" eq \"$b\"; then echo eq; else echo gt; fi
    done";
    let told = ask(clean_command("sh").args(["-c", script]), &pairs);
    compare(VersionRule::Dpkg, &pairs, &told, "apt-get install dpkg");
}

#[test]
fn five_thousand_pairs_stand_as_rpm_puts_them() {
    let pairs = pairs(&RPM);
    let script = "%{lua:
        for line in io.lines('/dev/stdin') do
            local a, b = line:match('(%S+) (%S+)')
            local order = rpm.vercmp(a, b)
            print(order < 0 and 'lt ' or order > 0 and 'gt ' or 'eq ')
        end
    }";
    let told = ask(clean_command("rpm").args(["--eval", script]), &pairs);
    compare(VersionRule::Rpm, &pairs, &told, "apt-get install rpm");
}

/// What a program says to the pairs, a word a pair.
fn ask(command: &mut Command, pairs: &[[KernelVersion; 2]]) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} must run: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = pairs.iter().map(|[a, b]| format!("{a} {b}\n")).collect();
    // On a thread of its own: who reads and writes at once must not wait for us.
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn compare(rule: VersionRule, pairs: &[[KernelVersion; 2]], told: &str, hint: &str) {
    let told: Vec<&str> = told.split_whitespace().collect();
    assert_eq!(told.len(), pairs.len(), "a word a pair; {hint}");
    let mut words = [0; 3];
    for (pair, word) in pairs.iter().zip(told) {
        let theirs = match word {
            "lt" => Ordering::Less,
            "gt" => Ordering::Greater,
            _ => Ordering::Equal,
        };
        words[usize::try_from(theirs as i8 + 1).unwrap()] += 1;
        let [a, b] = pair;
        assert!(agrees(rule.cmp(a, b), theirs, pair), "{a} {b}: {rule:?} says {:?}, the program {theirs:?}", rule.cmp(a, b));
    }
    assert!(words.iter().all(|count| *count > 20), "older, equal and newer ones are among the pairs: {words:?}");
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
        let expected = if variant.family == "debian" { VersionRule::Dpkg } else { VersionRule::Rpm };
        assert_eq!(VersionRule::of(&name), expected, "{name}");
    }
}
