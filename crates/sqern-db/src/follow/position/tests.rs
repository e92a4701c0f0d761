//! Positions without a database.

use proptest::prelude::*;

use super::*;

const CLUSTER: Cluster = Cluster { system_identifier: 7_301_234_567_890_123_456, database: 16384 };

fn snapshot(text: &str) -> Snapshot {
    let (_, xmax, open) = numbers(text).unwrap();
    Snapshot::new(xmax, open)
}

#[test]
fn a_text_that_no_position_has_is_refused() {
    for text in [
        "",
        "start",
        "745:760:745,751",
        "7301234567890123456/16384",
        "7301234567890123456/16384/745:760",
        "7301234567890123456/16384/745:760:",
        "7301234567890123456/16384/745:760:745,",
        "7301234567890123456/16384/745:760:751,745",
        "7301234567890123456/16384/745:760:745,745",
        "7301234567890123456/16384/745:760:745,760",
        "7301234567890123456/16384/740:760:745,751",
        "7301234567890123456/16384/745:760:745,751 ",
        "7301234567890123456/16384/745:760:745,+751",
        "7301234567890123456/16384/0745:760:745",
        "7301234567890123456/16384/0:760:0",
        "7301234567890123456/16384/0:0:",
        "-1/16384/760:760:",
        "7301234567890123456/4294967296/760:760:",
        "7301234567890123456/16384/18446744073709551615:18446744073709551615:",
    ] {
        assert_eq!(text.parse::<Position>(), Err(InvalidPosition { got: text.to_owned() }));
    }
}

#[test]
fn a_position_sees_what_lies_below_its_xmax_and_is_not_listed() {
    let position: Position = "7301234567890123456/16384/745:760:745,751".parse().unwrap();
    assert_eq!(position.cluster, CLUSTER);
    let seen: Vec<u64> = (743..763).filter(|xact| position.snapshot.sees(*xact)).collect();
    assert_eq!(seen, [743, 744, 746, 747, 748, 749, 750, 752, 753, 754, 755, 756, 757, 758, 759]);
    assert_eq!(Position::start(CLUSTER).to_string(), "7301234567890123456/16384/3:3:");
}

#[test]
fn of_a_standbys_snapshot_only_what_lies_below_its_xmin_is_certain() {
    assert_eq!(Snapshot::of_server("745:760:").unwrap().to_string(), "745:745:");
    assert_eq!(Snapshot::of_server("745:760:745").unwrap().to_string(), "745:760:745");
    assert_eq!(Snapshot::of_server("760:760:").unwrap().to_string(), "760:760:");
}

#[test]
fn a_steps_text_lists_only_what_was_left_below_it() {
    let mut steps = Steps::new(&snapshot("100:100:"), &snapshot("104:120:104,111"), [101, 105, 103, 119]);
    let mut texts = vec![];
    for _ in 0..5 {
        steps.step();
        texts.push(steps.reached().to_string());
    }
    assert_eq!(texts, ["102:102:", "103:106:103,104", "104:106:104", "104:120:104,111", "104:120:104,111"]);
}

#[test]
fn what_was_rolled_back_no_longer_counts_as_open() {
    let steps = Steps::new(&snapshot("100:110:100,105"), &snapshot("105:130:105"), []);
    assert_eq!(steps.reached().to_string(), "105:110:105");
}

#[test]
fn a_standby_that_lags_takes_nothing_back() {
    let mut steps = Steps::new(&snapshot("100:110:100,105"), &snapshot("103:103:"), [100]);
    assert_eq!(steps.reached().to_string(), "100:110:100,105");
    steps.step();
    assert_eq!(steps.reached().to_string(), "105:110:105");
}

/// What a transaction came to by the time of each of two polls.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Seen,
    Waiting,
    RolledBack,
    Open,
}

fn fates() -> impl Strategy<Value = Vec<(Fate, u32)>> {
    let fate = prop_oneof![Just(Fate::Seen), Just(Fate::Waiting), Just(Fate::RolledBack), Just(Fate::Open)];
    prop::collection::vec((fate, any::<u32>()), 0..60)
}

proptest! {
    #[test]
    fn the_text_of_a_position_is_read_as_the_same_position(
        system_identifier: u64, database: u32, xmax in 100_u64..1_u64 << 60, below in prop::collection::btree_set(1_u64..99, 0..20)
    ) {
        let snapshot = Snapshot::new(xmax, below.iter().map(|distance| xmax - distance));
        let position = Position { cluster: Cluster { system_identifier, database }, snapshot };
        prop_assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
    }

    #[test]
    fn after_each_step_exactly_what_was_delivered_is_seen(fates in fates(), known in 0_usize..60) {
        let known = known.min(fates.len()) as u64;
        let with = |fate: Fate| fates.iter().zip(100_u64..).filter(move |((is, _), _)| *is == fate).map(|((_, order), xact)| (*order, xact));
        // Below `known` everything but what was seen or rolled back was open at the poll before.
        let before = with(Fate::Waiting).chain(with(Fate::Open)).map(|(_, xact)| xact);
        let reached = Snapshot::new(100 + known, before);
        let now = Snapshot::new(100 + fates.len() as u64, with(Fate::Open).map(|(_, xact)| xact));
        let mut waiting: Vec<_> = with(Fate::Waiting).chain(with(Fate::Seen).filter(|(_, xact)| *xact >= 100 + known)).collect();
        waiting.sort_unstable();
        let waiting: Vec<u64> = waiting.into_iter().map(|(_, xact)| xact).collect();
        let mut steps = Steps::new(&reached, &now, waiting.iter().copied());
        for delivered in 0..=waiting.len() {
            let seen = steps.reached();
            prop_assert!(with(Fate::Seen).filter(|(_, xact)| *xact < 100 + known).all(|(_, xact)| seen.sees(xact)));
            prop_assert!(waiting[..delivered].iter().all(|xact| seen.sees(*xact)));
            prop_assert!(!waiting[delivered..].iter().any(|xact| seen.sees(*xact)));
            prop_assert!(!with(Fate::Open).any(|(_, xact)| seen.sees(xact)));
            prop_assert!(!seen.sees(now.xmax()));
            prop_assert!(seen.xmax() <= now.xmax());
            steps.step();
        }
    }
}
