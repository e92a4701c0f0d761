//! The functions for generations, called as in the workflows.

use sqern_db::migrate::Step;

use crate::support::{migrated, refused, rows, run, value};

const DISTRO: &str = "INSERT INTO distro VALUES ('d', 'D')";

#[tokio::test]
async fn a_generation_contains_user_time_and_comment() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        &format!("BEGIN; SELECT generation_start('a comment'); {DISTRO}; COMMIT"),
    )
    .await;
    assert_eq!(
        rows(&client, "SELECT comment, username = session_user, ipaddr IS NULL, now() - tstamp < '1 minute', xact < pg_current_xact_id() FROM generation").await,
        ["a comment t t t t"]
    );
}

#[tokio::test]
async fn changes_before_generation_start_are_in_the_same_generation() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, &format!("BEGIN; {DISTRO}; SELECT generation_start('late'); INSERT INTO kver VALUES ('d', '1'); COMMIT")).await;
    assert_eq!(
        rows(
            &client,
            "SELECT comment, (SELECT count(*) FROM event WHERE generation = g.id) FROM generation g"
        )
        .await,
        ["late 2"]
    );
}

#[tokio::test]
async fn a_second_generation_start_in_a_transaction_is_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    let message = refused(
        &client,
        "BEGIN; SELECT generation_start('one'); SELECT generation_start('two')",
    )
    .await;
    assert_eq!(
        message,
        "generation 1 was already started in this transaction | \
         Commit first, or use the current generation, whose number generation_id() returns."
    );
}

#[tokio::test]
async fn a_generation_start_without_a_comment_is_rejected() {
    let database = migrated().await;
    let client = database.client().await;
    for comment in ["NULL", "''", "'  '"] {
        let message = refused(&client, &format!("SELECT generation_start({comment})")).await;
        assert!(
            message.starts_with("generation comment must not be empty"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn generation_id_is_constant_in_a_transaction_and_new_in_the_next() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "BEGIN").await;
    assert_eq!(
        value(&client, "SELECT generation_id_if_assigned()").await,
        "-"
    );
    let first = value(&client, "SELECT generation_id()").await;
    assert_eq!(value(&client, "SELECT generation_id()").await, first);
    assert_eq!(
        value(&client, "SELECT generation_id_if_assigned()").await,
        first
    );
    run(&client, "COMMIT").await;
    assert_eq!(
        value(&client, "SELECT generation_id_if_assigned()").await,
        "-"
    );
    assert_ne!(value(&client, "SELECT generation_id()").await, first);
}

#[tokio::test]
async fn an_empty_generation_is_dropped_and_one_with_events_is_not() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "BEGIN; SELECT generation_start('nothing')").await;
    assert_eq!(
        value(&client, "SELECT generation_drop_empty_current()").await,
        "t"
    );
    assert_eq!(
        value(&client, "SELECT generation_drop_empty_current()").await,
        "f",
        "it was already removed"
    );
    run(&client, &format!("{DISTRO}; COMMIT")).await;
    assert_eq!(
        rows(&client, "SELECT comment FROM generation").await,
        ["-"],
        "later changes are in a new generation"
    );

    run(&client, "BEGIN; INSERT INTO kver VALUES ('d', '1')").await;
    assert_eq!(
        value(&client, "SELECT generation_drop_empty(generation_id())").await,
        "f"
    );
    assert_eq!(
        value(&client, "SELECT generation_drop_empty_current()").await,
        "f"
    );
    run(&client, "COMMIT").await;
    assert_eq!(value(&client, "SELECT count(*) FROM generation").await, "2");
}

#[tokio::test]
async fn a_committed_generation_is_never_dropped() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "SELECT generation_start('empty')").await;
    assert_eq!(value(&client, "SELECT generation_drop_empty(1)").await, "f");
    assert_eq!(
        value(&client, "SELECT generation_drop_empty(NULL)").await,
        "f"
    );
    assert_eq!(value(&client, "SELECT count(*) FROM generation").await, "1");
}

#[tokio::test]
async fn a_generation_of_a_savepoint_is_rolled_back_with_it() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, &format!("BEGIN; SAVEPOINT s; {DISTRO}; ROLLBACK TO s; INSERT INTO distro VALUES ('e', 'E'); COMMIT")).await;
    assert_eq!(
        rows(
            &client,
            "SELECT g.id = e.generation FROM generation g, event e"
        )
        .await,
        ["t"]
    );

    run(
        &client,
        "BEGIN; SELECT generation_start('outside'); SAVEPOINT s; INSERT INTO kver VALUES ('e', '1'); ROLLBACK TO s;
                  INSERT INTO kver VALUES ('e', '2'); COMMIT",
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT comment, pkey ->> 'version' FROM generation g JOIN event e ON e.generation = g.id WHERE comment IS NOT NULL"
        )
        .await,
        ["outside 2"]
    );
}

#[tokio::test]
async fn no_setting_adds_events_to_another_generation() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DISTRO).await;
    for (version, forged) in ["1", "999", "", "x", "-1", "99999999999999999999"]
        .iter()
        .enumerate()
    {
        run(
            &client,
            &format!(
                "BEGIN; SET LOCAL sqern.generation = '{forged}'; INSERT INTO kver VALUES ('d', 'a{version}');
                 SET LOCAL sqern.generation = '{forged}'; INSERT INTO kver VALUES ('d', 'b{version}'); COMMIT"
            ),
        )
        .await;
        run(&client, "RESET sqern.generation").await;
    }
    assert_eq!(
        rows(
            &client,
            "SELECT count(*), count(DISTINCT generation), bool_and(generation > 1) FROM event WHERE table_name = 'kver'"
        )
        .await,
        ["12 6 t"]
    );
}

#[tokio::test]
async fn concurrent_transactions_have_separate_generations() {
    let database = migrated().await;
    let (one, other) = (database.client().await, database.client().await);
    run(&one, &format!("BEGIN; {DISTRO}")).await;
    run(&other, "BEGIN; INSERT INTO distro VALUES ('e', 'E')").await;
    assert_eq!(
        value(&other, "SELECT count(*) FROM generation").await,
        "1",
        "the generation of the other transaction is not visible"
    );
    run(&one, "COMMIT").await;
    run(&other, "COMMIT").await;
    assert_eq!(
        rows(&one, "SELECT count(DISTINCT generation) FROM event").await,
        ["2"]
    );
}

/// The state after a restore of a dump from a server with higher transaction IDs.
#[tokio::test]
async fn a_restored_generation_can_have_the_transaction_id_of_a_new_one() {
    let database = migrated().await;
    let client = database.client().await;
    // Several thousand, because other tests on the same server also use transaction IDs.
    let restored = "UPDATE generation_epoch SET system_identifier = 1;
        INSERT INTO generation (tstamp, epoch, xact) SELECT '2025-05-01', 1, (pg_current_xact_id()::text::bigint + n)::text::xid8
        FROM generate_series(1, 5000) AS n";
    run(&client, restored).await;
    run(&client, DISTRO).await;
    run(
        &client,
        "BEGIN; SELECT generation_start('why'); INSERT INTO kver VALUES ('d', '1'); COMMIT",
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT g.epoch, g.comment, c.position > 5000, count(e.id)
             FROM generation g JOIN generation_commit c ON c.generation = g.id LEFT JOIN event e ON e.generation = g.id
             WHERE g.id > 5000 GROUP BY g.id, c.position ORDER BY c.position"
        )
        .await,
        ["2 - t 1", "2 why t 1"]
    );
    for checked in sqern_db::check::check(&client).await.unwrap() {
        assert_eq!(checked.problems, [""; 0], "{}", checked.rule);
    }
}

/// Logical replication copies rows, but not sequences.
#[tokio::test]
async fn sequences_that_are_behind_are_reported_and_advanced() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(&client, DISTRO).await;
    run(&client, "INSERT INTO sp_build (jenkins_job) VALUES ('j')").await;
    run(
        &client,
        "SELECT setval('event_id_seq', 1, false), setval('generation_id_seq', 3), setval('sp_build_id_seq', 1, false)",
    )
    .await;
    let message = refused(&client, "INSERT INTO kver VALUES ('d', '1')").await;
    assert_eq!(
        message,
        "event IDs are behind: the next ID is 2, but the journal contains 4 | Advance the sequences: sqern db migrate"
    );
    let quick = sqern_db::check::check_quickly(&client).await.unwrap();
    let problems: Vec<String> = quick.into_iter().flat_map(|rule| rule.problems).collect();
    assert_eq!(
        problems,
        [
            "sequence event_id_seq is at 2, but its table contains 4",
            "sequence sp_build_id_seq is at 0, but its table contains 1"
        ]
    );
    let steps = sqern_db::migrate::migrate(&mut client, None, false)
        .await
        .unwrap();
    let sequences = ["event_id_seq", "sp_build_id_seq"]
        .map(str::to_owned)
        .into();
    assert_eq!(steps, [Step::Sequences { sequences }]);
    run(
        &client,
        "INSERT INTO kver VALUES ('d', '1'); INSERT INTO sp_build (jenkins_job) VALUES ('j')",
    )
    .await;
}

#[tokio::test]
async fn the_first_change_on_another_server_advances_the_sequences() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DISTRO).await;
    run(
        &client,
        "UPDATE generation_epoch SET system_identifier = 1; SELECT setval('event_id_seq', 1, false), setval('generation_id_seq', 1, false)",
    )
    .await;
    run(&client, "INSERT INTO kver VALUES ('d', '1')").await;
    assert_eq!(
        rows(
            &client,
            "SELECT g.id, g.epoch, c.first_event FROM generation g JOIN generation_commit c ON c.generation = g.id ORDER BY c.position"
        )
        .await,
        ["1 1 1", "2 2 3"]
    );
}

#[tokio::test]
async fn a_generation_that_was_completed_early_gets_no_more_changes() {
    let database = migrated().await;
    let client = database.client().await;
    let message = refused(
        &client,
        &format!(
            "BEGIN; {DISTRO}; SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO kver VALUES ('d', '1')"
        ),
    )
    .await;
    assert_eq!(
        message,
        "cannot change data after generation 1 is complete | Commit before further changes."
    );
    let message = refused(
        &client,
        &format!("ROLLBACK; BEGIN; SET CONSTRAINTS ALL IMMEDIATE; {DISTRO}"),
    )
    .await;
    assert_eq!(
        message,
        "cannot complete generation 2 before its changes | \
         Use SET CONSTRAINTS generation_commit_trigger DEFERRED before the first change."
    );
    run(&client, "ROLLBACK").await;
    assert_eq!(value(&client, "SELECT count(*) FROM event").await, "0");
}

#[tokio::test]
async fn a_state_as_of_a_time_does_not_change_when_a_long_transaction_ends() {
    let database = migrated().await;
    let (client, long) = (database.client().await, database.client().await);
    run(
        &client,
        &format!("{DISTRO}; INSERT INTO kver VALUES ('d', 'before')"),
    )
    .await;
    run(&long, "BEGIN; INSERT INTO kver VALUES ('d', 'long')").await;
    let time = value(&client, "SELECT clock_timestamp()").await;
    run(&client, "INSERT INTO kver VALUES ('d', 'after')").await;
    let state = format!("SELECT version FROM kver_at(tstamp => '{time}')");
    assert_eq!(rows(&client, &state).await, ["before"]);
    run(&long, "INSERT INTO kver VALUES ('d', 'long-too'); COMMIT").await;
    assert_eq!(rows(&client, &state).await, ["before"]);
    assert_eq!(
        rows(
            &client,
            "SELECT version FROM kver_at(tstamp => clock_timestamp()) ORDER BY version"
        )
        .await,
        ["after", "before", "long", "long-too"]
    );
}

/// A query of a past state reads the events from this one.
#[tokio::test]
async fn a_check_reports_a_wrong_first_event_of_a_commit() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "INSERT INTO distro VALUES ('debian12', 'DEBIAN12')",
    )
    .await;
    let id = value(&client, "SELECT max(id)::text FROM generation").await;
    for (wrong, text) in [("NULL", "(none)"), ("0", "0")] {
        run(
            &client,
            &format!("UPDATE generation_commit SET first_event = {wrong}"),
        )
        .await;
        let checked = sqern_db::check::check(&client).await.unwrap();
        let problems: Vec<String> = checked.into_iter().flat_map(|rule| rule.problems).collect();
        assert_eq!(
            problems,
            [format!(
                "generation {id} has a commit with first event {text}, but its first event is 1"
            )]
        );
    }
}
