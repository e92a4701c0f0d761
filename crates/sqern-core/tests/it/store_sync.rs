//! Reconciliation of the store and the database.

use sqern_core::ChangeOptions;
use sqern_core::store_sync::{
    Depth, Inconsistency, PruneSet, StoreSelection, compare, prune, prune_cache,
};

use crate::support::Fixture;

#[tokio::test(flavor = "multi_thread")]
async fn a_repaired_store_is_consistent() {
    let mut fixture = Fixture::new(&["6.1.0-1", "6.1.0-2"]).await;
    std::fs::remove_dir(fixture.directory.path().join("store/debian12/6.1.0-2")).unwrap();
    std::fs::create_dir(fixture.directory.path().join("store/debian12/6.1.0-3")).unwrap();
    let all = StoreSelection::default();
    let stored = compare(&fixture.client, &fixture.store, &all, Depth::Trees)
        .await
        .unwrap();
    let problems: Vec<_> = stored
        .iter()
        .map(|stored| stored.problem.as_ref().unwrap())
        .collect();
    // The trees of the fixture are empty.
    assert!(
        matches!(problems[0], Inconsistency::Damaged(_)),
        "{problems:?}"
    );
    assert!(
        matches!(problems[1], Inconsistency::NotInStore),
        "{problems:?}"
    );
    assert!(
        matches!(problems[2], Inconsistency::Damaged(_)),
        "{problems:?}"
    );

    let set = PruneSet::of(&stored, false);
    for (dry_run, rows) in [(true, "2"), (false, "0")] {
        let options = ChangeOptions {
            dry_run,
            ..ChangeOptions::committed("a test")
        };
        let finished = prune(&mut fixture.client, &fixture.store, &set, &options)
            .await
            .unwrap();
        assert_eq!(
            (finished.events > 0, finished.generation.is_none()),
            (true, dry_run)
        );
        assert_eq!(
            fixture.value("SELECT count(*) FROM kver_fetched").await,
            rows
        );
        assert_eq!(
            fixture
                .directory
                .path()
                .join("store/debian12/6.1.0-1")
                .exists(),
            dry_run
        );
    }
    assert!(
        compare(&fixture.client, &fixture.store, &all, Depth::Trees)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(prune_cache(&fixture.store, true).await.unwrap().files, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selected_version_must_exist() {
    let fixture = Fixture::new(&["6.1.0-1"]).await;
    let selection = StoreSelection {
        kernels: vec!["6.1.0-9".parse().unwrap()],
        ..StoreSelection::default()
    };
    let error = compare(
        &fixture.client,
        &fixture.store,
        &selection,
        Depth::Manifests,
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "kernel version \"6.1.0-9\" does not exist"
    );
    assert_eq!(error.hints()[0], "Did you mean 6.1.0-1?");
}
