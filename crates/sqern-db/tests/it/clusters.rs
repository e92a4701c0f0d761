//! Queries of clusters.

use sqern_db::{AsOf, DbError, cust, snapshot};
use sqern_model::{At, ClusterName};

use crate::support::{migrated, run};

fn name(text: &str) -> ClusterName {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_single_cluster_equals_its_entry_in_the_list() {
    let database = migrated().await;
    let mut client = database.client().await;
    run(
        &client,
        "INSERT INTO distro VALUES ('d', 'D', true);
         INSERT INTO kver (distro, version) VALUES ('d', '6.1.0-1'), ('d', '6.1.0-2');
         INSERT INTO cust_cluster (name, cltype) VALUES ('acme-1', 1), ('acme-2', 2), ('gone-1', 1)",
    )
    .await;
    run(
        &client,
        "INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current) VALUES
            ('acme-1', 'a', 'd', '6.1.0-1', true), ('acme-1', 'a', 'd', '6.1.0-2', false),
            ('acme-1', 'b', 'd', '6.1.0-2', true), ('acme-2', 'a', 'd', '6.1.0-1', true)",
    )
    .await;
    run(
        &client,
        "UPDATE cust_cluster SET deleted_at = now() WHERE name = 'gone-1'",
    )
    .await;

    let transaction = snapshot(&mut client).await.unwrap();
    let before_hosts = AsOf::resolve(&transaction, At::Generation(1))
        .await
        .unwrap();
    for (as_of, hosts) in [(AsOf::Now, 2), (before_hosts, 0)] {
        let clusters = cust::list(&transaction, false, &[], &as_of).await.unwrap();
        for cluster in &clusters {
            assert_eq!(
                cust::get(&transaction, &cluster.name, &as_of)
                    .await
                    .unwrap(),
                *cluster
            );
        }
        assert_eq!(
            (clusters[0].name.as_str(), clusters[0].hosts),
            ("acme-1", hosts)
        );
    }
    match cust::get(&transaction, &name("gone-1"), &AsOf::Now).await {
        Err(DbError::Unknown { got, .. }) => assert_eq!(got, "gone-1", "deleted"),
        other => panic!("{other:?}"),
    }
    match cust::get(&transaction, &name("acme-3"), &AsOf::Now).await {
        Err(DbError::Unknown { near, .. }) => assert_eq!(near, ["acme-1", "acme-2"]),
        other => panic!("{other:?}"),
    }
}
