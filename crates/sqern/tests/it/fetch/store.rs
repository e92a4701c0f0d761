//! Changed trees, and stores of other users.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

use super::{Fixture, kernel};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_tree_is_reported_pruned_and_fetched_again() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    fixture.program.done(&fixture.arguments(&[]));
    let makefile = fixture
        .tree("6.1.0-1-amd64")
        .join("usr/src/linux-headers-6.1.0-1-common/Makefile");
    fs::write(&makefile, "modules:\n").unwrap();
    let reported = fixture
        .program
        .run(&["store", "verify", "--store", &fixture.store]);
    assert_eq!(reported.status, 1, "{reported:?}");
    assert!(
        reported.stdout.contains("could not verify tree"),
        "{reported:?}"
    );
    let dry_run = fixture
        .program
        .done(&["store", "prune", "--dry-run", "--store", &fixture.store]);
    assert!(
        dry_run.stdout.contains("tree removed") && makefile.exists(),
        "{dry_run:?}"
    );
    fixture
        .program
        .done(&["store", "prune", "--store", &fixture.store]);
    assert_eq!(
        (fixture.fetched().await.as_str(), makefile.exists()),
        ("", false)
    );
    fixture.program.done(&fixture.arguments(&[]));
    fixture
        .program
        .done(&["store", "verify", "--store", &fixture.store]);
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_reads_only_the_trees_of_the_specified_kernels() {
    let packages = kernel("6.1.0-1").into_iter().chain(kernel("6.1.0-2"));
    let fixture = Fixture::new(packages).await;
    fixture.program.done(&fixture.arguments(&[]));
    let makefile = fixture
        .tree("6.1.0-1-amd64")
        .join("usr/src/linux-headers-6.1.0-1-common/Makefile");
    fs::write(&makefile, "modules:\n").unwrap();
    let verify = |kernel: &str| {
        let args = ["store", "verify", "--store", &fixture.store];
        fixture
            .program
            .run(&[&args[..], &["--kernel", kernel]].concat())
    };
    for (kernel, status) in [("6.1.0-1-amd64", 1), ("debian12/6.1.0-2-amd64", 0)] {
        let ran = verify(kernel);
        assert_eq!(ran.status, status, "{kernel}: {ran:?}");
        assert_eq!(
            ran.stdout.contains("could not verify tree"),
            status == 1,
            "{kernel}: {ran:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn root_changes_no_store_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    let store = Path::new(&fixture.store);
    let victim = fixture.program.home.path().join("victim");
    for directory in [store, &store.join("debian12"), &victim] {
        fs::create_dir(directory).unwrap();
    }
    fs::write(store.join("debian12/1.sh"), "id").unwrap();
    symlink(&victim, store.join(".staging")).unwrap();
    chown(store, Some(65534), None).unwrap();
    let run = |arguments: &[&str]| {
        let store = ["--store", &*fixture.store];
        fixture.program.run(&[arguments, &store].concat())
    };
    let fetch = fixture.arguments(&[]);
    for ran in [
        run(&["store", "prune"]),
        run(&["store", "prune", "--cache"]),
        fixture.program.run(&fetch),
        run(&["build", "run", "--command", "true"]),
        run(&["test", "run", "--command", "true"]),
    ] {
        assert_eq!(ran.status, 1, "{ran:?}");
        let expected = format!("cannot use directory {} as root", fixture.store);
        assert!(ran.stderr.contains(&expected), "{ran:?}");
    }
    let doctor = run(&["doctor", "--offline", "--json"]);
    assert!(
        doctor.stdout.contains("as root: other users can change"),
        "{doctor:?}"
    );
    let dry_run = run(&["store", "prune", "--dry-run"]);
    assert!(
        dry_run.stdout.contains("debian12 1.sh: tree removed"),
        "{dry_run:?}"
    );
    let listed = run(&["store", "list"]);
    assert!(
        listed.status == 0 && listed.stdout.contains("1.sh"),
        "{listed:?}"
    );
    assert_eq!(run(&["store", "verify"]).status, 1);
    assert!(store.join("debian12/1.sh").exists() && !store.join(".cache").exists());
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
}
