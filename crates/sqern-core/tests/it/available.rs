//! Changes of available modules.

use sqern_core::available::{
    AvailableFilter, Evidence, ModuleSelection, SucceededModules, add, list, remove,
};
use sqern_core::{ChangeOptions, Error};
use sqern_db::AsOf;
use sqern_model::RunKind;

use crate::support::Fixture;

/// Returns a fixture with build 1 of 2 kernels of debian12, of which the first succeeded. Build 2
/// has no revision.
async fn built() -> Fixture {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2"]).await;
    let builds = "
        INSERT INTO sp_build (storpool_revision, release_target, result)
        VALUES ('21.0', 'lab', 'UNSTABLE'), (NULL, 'lab', 'SUCCESS'), ('21.0', 'lab', 'FAILURE');
        INSERT INTO sp_build_kver (build_id, distro, version, result)
        VALUES (1, 'debian12', '6.1.0-1', 'SUCCESS'), (1, 'debian12', '6.1.0-2', 'FAILURE'),
               (2, 'debian12', '6.1.0-2', 'SUCCESS'), (3, 'debian12', '6.1.0-2', 'FAILURE')";
    fixture.client.batch_execute(builds).await.unwrap();
    fixture
}

fn build(id: i64) -> ModuleSelection {
    ModuleSelection::Run {
        kind: RunKind::Build,
        id,
        revision: None,
        target: None,
    }
}

fn named(names: &[&str]) -> ModuleSelection {
    let kernels = names.iter().map(|name| name.parse().unwrap()).collect();
    ModuleSelection::Kernels {
        revision: "21.0".to_owned(),
        target: "lab".to_owned(),
        kernels,
    }
}

#[tokio::test]
async fn withdrawn_modules_are_made_available_again_only_on_request() {
    let mut fixture = built().await;
    let options = ChangeOptions::committed("a test");
    let succeeded = ModuleSelection::Succeeded(SucceededModules {
        revision: "21.0".to_owned(),
        target: "lab".to_owned(),
        profile: None,
        distros: vec![],
        evidence: Evidence::Built,
    });
    let planned = ChangeOptions {
        dry_run: true,
        ..options.clone()
    };
    assert_eq!(
        add(&mut fixture.client, &succeeded, &planned)
            .await
            .unwrap()
            .kernels
            .len(),
        1
    );
    let mut changes = Vec::new();
    changes.push(
        add(&mut fixture.client, &succeeded, &options)
            .await
            .unwrap(),
    );
    changes.push(
        remove(&mut fixture.client, &build(1), &options)
            .await
            .unwrap(),
    );
    changes.push(
        add(&mut fixture.client, &succeeded, &options)
            .await
            .unwrap(),
    );
    changes.push(
        add(&mut fixture.client, &named(&["6.1.0-1"]), &options)
            .await
            .unwrap(),
    );
    let counts: Vec<usize> = changes.iter().map(|change| change.kernels.len()).collect();
    assert_eq!(counts, [1, 1, 0, 1], "{changes:?}");
    assert_eq!(changes[2].finished.generation, None);
    let available = list(&fixture.client, &AvailableFilter::default(), &AsOf::Now)
        .await
        .unwrap();
    assert_eq!(available.len(), 1);
    assert_eq!(
        (
            available[0].target.as_str(),
            available[0].kernel.version.as_str()
        ),
        ("lab", "6.1.0-1")
    );

    // Removal selects the module although it was withdrawn before, and the kernel is ignored.
    let ignore = "INSERT INTO kver_ignore (distro, pattern) VALUES ('debian12', '%')";
    fixture.client.batch_execute(ignore).await.unwrap();
    let removed = remove(&mut fixture.client, &succeeded, &options)
        .await
        .unwrap();
    assert_eq!(removed.kernels.len(), 1);
    let added = add(&mut fixture.client, &succeeded, &options)
        .await
        .unwrap();
    assert_eq!(added.kernels, []);
}

#[tokio::test]
async fn an_unusable_selection_changes_nothing() {
    let mut fixture = built().await;
    let other = "INSERT INTO distro VALUES ('debian13', 'DEBIAN13', true); INSERT INTO kver VALUES ('debian13', '6.1.0-1')";
    fixture.client.batch_execute(other).await.unwrap();
    let options = ChangeOptions::committed("a test");
    let mut errors = Vec::new();
    for selection in [
        build(2),
        build(3),
        build(4),
        named(&["debian12/6.1.0-2", "6.1.0-1"]),
    ] {
        errors.push(
            add(&mut fixture.client, &selection, &options)
                .await
                .unwrap_err(),
        );
    }
    assert!(
        matches!(
            &errors[0],
            Error::MissingRunField {
                id: 2,
                field: "revision",
                ..
            }
        ),
        "{errors:?}"
    );
    assert!(
        matches!(&errors[1], Error::NoSuccessfulKernel { id: 3, .. }),
        "{errors:?}"
    );
    assert_eq!(errors[2].hints().last().unwrap(), "sqern build list");
    assert_eq!(
        errors[3].to_string(),
        "kernel 6.1.0-1 is ambiguous: it exists in debian12 and debian13"
    );
    assert_eq!(
        errors[3].hints(),
        ["Specify the distribution, as in --kernel debian12/6.1.0-1."]
    );
    let selection = ModuleSelection::Kernels {
        revision: "22.0".to_owned(),
        target: "lab".to_owned(),
        kernels: vec![],
    };
    let error = remove(&mut fixture.client, &selection, &options)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "revision \"22.0\" does not exist");
    assert_eq!(
        fixture
            .value("SELECT count(*) FROM sp_available_kver")
            .await,
        "0"
    );
}
