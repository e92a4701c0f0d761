//! The kernels that a query selects: kernels to fetch, and kernels with a version.

use sqern_db::{DbError, fetch, kver};
use sqern_model::{DistroName, KernelVersion};
use tokio_postgres::Client;

use crate::support::{migrated, run};

fn version(text: &str) -> KernelVersion {
    text.parse().unwrap()
}

fn distro(text: &str) -> DistroName {
    text.parse().unwrap()
}

async fn kernels(client: &Client) {
    run(
        client,
        "INSERT INTO distro VALUES ('d', 'D', true), ('e', 'E', true);
         INSERT INTO kver (distro, version) VALUES ('d', '6.1.0-1'), ('d', '6.1.0-2'), ('e', '6.1.0-2'), ('e', '5.10.0-9');
         INSERT INTO kver_seen (distro, version) SELECT distro, version FROM kver",
    )
    .await;
}

#[tokio::test]
async fn hosts_of_deleted_clusters_do_not_count_for_fetching() {
    let database = migrated().await;
    let client = database.client().await;
    kernels(&client).await;
    run(
        &client,
        "
         INSERT INTO cust_cluster (name, cltype) VALUES ('live', 1), ('gone', 1);
         INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current) VALUES
            ('live', 'a', 'd', '6.1.0-1', true), ('live', 'a', 'd', '6.1.0-2', false),
            ('gone', 'b', 'd', '6.1.0-2', true), ('gone', 'c', 'd', '6.1.0-2', true);
         UPDATE cust_cluster SET deleted_at = now() WHERE name = 'gone'",
    )
    .await;
    let wanted = fetch::candidates(&client, &[distro("d")], &[])
        .await
        .unwrap();
    let counts: Vec<_> = wanted
        .iter()
        .map(|row| {
            (
                row.kernel.version.as_str(),
                row.hosts_running,
                row.hosts_installed,
            )
        })
        .collect();
    assert_eq!(counts, [("6.1.0-1", 1, 1), ("6.1.0-2", 0, 1)]);
}

#[tokio::test]
async fn a_version_selects_its_kernels_of_the_named_distributions() {
    let database = migrated().await;
    let client = database.client().await;
    kernels(&client).await;
    run(
        &client,
        "UPDATE kver SET archived = true WHERE distro = 'e'",
    )
    .await;
    let found = async |text: &str, distros: &[DistroName]| -> Vec<String> {
        let found = kver::find(&client, &version(text), distros).await.unwrap();
        found
            .iter()
            .map(|kver| format!("{} {}", kver.kernel.distro, kver.kernel.version))
            .collect()
    };
    assert_eq!(found("6.1.0-2", &[]).await, ["d 6.1.0-2", "e 6.1.0-2"]);
    assert_eq!(found("6.1.0-2", &[distro("e")]).await, ["e 6.1.0-2"]);
    match kver::find(&client, &version("6.1.0-3"), &[distro("e")]).await {
        Err(DbError::Unknown { near, .. }) => {
            assert_eq!(near, ["6.1.0-2"], "only of that distribution");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_version_leaves_all_kernels_unarchived() {
    let database = migrated().await;
    let client = database.client().await;
    kernels(&client).await;
    let archive = async |versions: &[&str]| {
        let versions: Vec<KernelVersion> = versions.iter().map(|text| version(text)).collect();
        kver::set_archived(&client, &distro("d"), &versions, true).await
    };
    match archive(&["6.1.0-1", "5.10.0-9"]).await {
        Err(DbError::Unknown { got, near, .. }) => {
            assert_eq!(got, "5.10.0-9");
            assert!(
                !near.contains(&"5.10.0-9".to_owned()),
                "of another distribution: {near:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        archive(&["6.1.0-1", "6.1.0-2"]).await.unwrap(),
        [version("6.1.0-1"), version("6.1.0-2")]
    );
    assert_eq!(archive(&["6.1.0-1"]).await.unwrap(), []);
}
