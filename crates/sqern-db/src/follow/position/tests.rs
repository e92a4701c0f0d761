//! Tests of positions without a database.

use proptest::prelude::*;

use super::*;

const CLUSTER: Cluster = Cluster {
    system_identifier: 7_301_234_567_890_123_456,
    database: 16384,
};

fn snapshot(text: &str) -> Snapshot {
    let (_, xmax, open) = numbers(text).unwrap();
    Snapshot::new(xmax, open)
}

#[test]
fn texts_that_display_does_not_write_are_rejected() {
    for text in [
        "",
        "start",
        "745:760:745,751",
        "7301234567890123456/16384",
        "7301234567890123456/16384/745:760/42@1767225600000000",
        "7301234567890123456/16384/745:760:/42@1767225600000000",
        "7301234567890123456/16384/745:760:745,/42@1767225600000000",
        "7301234567890123456/16384/745:760:751,745/42@1767225600000000",
        "7301234567890123456/16384/745:760:745,745/42@1767225600000000",
        "7301234567890123456/16384/745:760:745,760/42@1767225600000000",
        "7301234567890123456/16384/740:760:745,751/42@1767225600000000",
        "7301234567890123456/16384/745:760:745,751 /42@1767225600000000",
        "7301234567890123456/16384/745:760:745,+751/42@1767225600000000",
        "7301234567890123456/16384/0745:760:745/42@1767225600000000",
        "7301234567890123456/16384/0:760:0/42@1767225600000000",
        "7301234567890123456/16384/0:0:/42@1767225600000000",
        "-1/16384/760:760:/42@1767225600000000",
        "7301234567890123456/4294967296/760:760:/42@1767225600000000",
        "7301234567890123456/16384/18446744073709551615:18446744073709551615:/42@1767225600000000",
        "7301234567890123456/16384/745:760:745,751",
        "7301234567890123456/16384/745:760:745,751/",
        "7301234567890123456/16384/745:760:745,751/00",
        "7301234567890123456/16384/745:760:745,751/42",
        "7301234567890123456/16384/745:760:745,751/42@",
        "7301234567890123456/16384/745:760:745,751/42@1767225600000000/",
    ] {
        assert_eq!(
            text.parse::<Position>(),
            Err(InvalidPosition {
                got: text.to_owned()
            })
        );
    }
}

#[test]
fn a_position_contains_unlisted_transactions_below_its_xmax() {
    let position: Position = "7301234567890123456/16384/745:760:745,751/42@1767225600000000"
        .parse()
        .unwrap();
    assert_eq!(position.cluster, CLUSTER);
    let seen: Vec<u64> = (743..763)
        .filter(|xact| position.snapshot.sees(*xact))
        .collect();
    assert_eq!(
        seen,
        [
            743, 744, 746, 747, 748, 749, 750, 752, 753, 754, 755, 756, 757, 758, 759
        ]
    );
    assert_eq!(
        Position::start(CLUSTER).to_string(),
        "7301234567890123456/16384/3:3:/0"
    );
}

#[test]
fn a_snapshot_of_a_standby_contains_only_transactions_below_its_xmin() {
    assert_eq!(
        Snapshot::of_server("745:760:").unwrap().to_string(),
        "745:745:"
    );
    assert_eq!(
        Snapshot::of_server("745:760:745").unwrap().to_string(),
        "745:760:745"
    );
    assert_eq!(
        Snapshot::of_server("760:760:").unwrap().to_string(),
        "760:760:"
    );
}

#[test]
fn the_text_of_a_step_lists_no_transaction_above_its_xmax() {
    let mut steps = Steps::new(
        &snapshot("100:100:"),
        &snapshot("104:120:104,111"),
        [101, 105, 103, 119],
    );
    let mut texts = vec![];
    for _ in 0..5 {
        steps.step();
        texts.push(steps.reached().to_string());
    }
    assert_eq!(
        texts,
        [
            "102:102:",
            "103:106:103,104",
            "104:106:104",
            "104:120:104,111",
            "104:120:104,111"
        ]
    );
}

#[test]
fn a_rolled_back_transaction_is_no_longer_open() {
    let steps = Steps::new(&snapshot("100:110:100,105"), &snapshot("105:130:105"), []);
    assert_eq!(steps.reached().to_string(), "105:110:105");
}

#[test]
fn a_poll_of_a_lagging_standby_keeps_delivered_transactions() {
    let mut steps = Steps::new(&snapshot("100:110:100,105"), &snapshot("103:103:"), [100]);
    assert_eq!(steps.reached().to_string(), "100:110:100,105");
    steps.step();
    assert_eq!(steps.reached().to_string(), "105:110:105");
}

/// The state of a transaction at the second of 2 polls.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Seen,
    Waiting,
    RolledBack,
    Open,
}

fn fates() -> impl Strategy<Value = Vec<(Fate, u32)>> {
    let fate = prop_oneof![
        Just(Fate::Seen),
        Just(Fate::Waiting),
        Just(Fate::RolledBack),
        Just(Fate::Open)
    ];
    prop::collection::vec((fate, any::<u32>()), 0..60)
}

proptest! {
    #[test]
    fn parsing_the_text_of_a_position_returns_the_position(
        system_identifier: u64, database: u32, xmax in 100_u64..1_u64 << 60, below in prop::collection::btree_set(1_u64..99, 0..20),
        last: Option<(i64, i64)>
    ) {
        let snapshot = Snapshot::new(xmax, below.iter().map(|distance| xmax - distance));
        let last = last.map(|(id, microseconds)| DeliveredGeneration { id, microseconds });
        let position = Position { cluster: Cluster { system_identifier, database }, snapshot, last };
        prop_assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
    }

    #[test]
    fn the_snapshot_of_a_step_contains_exactly_the_delivered_transactions(fates in fates(), known in 0_usize..60) {
        let known = known.min(fates.len()) as u64;
        let with = |fate: Fate| fates.iter().zip(100_u64..).filter(move |((is, _), _)| *is == fate).map(|((_, order), xact)| (*order, xact));
        // Below `known`, all transactions that are waiting or open were open at the previous poll.
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
