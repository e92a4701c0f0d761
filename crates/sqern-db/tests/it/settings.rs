//! Planner settings of one query do not remain in the session.

use sqern_db::risk::{RiskFilter, risk};
use sqern_db::run::{PlanFilter, plan};
use sqern_db::status::{StatusFilter, list};
use sqern_db::{AsOf, snapshot};
use sqern_model::RunKind;
use tokio_postgres::Client;

use crate::support::{migrated, run, value};

/// Settings that no query of sqern uses, and that differ from the defaults.
const SESSION: [(&str, &str); 4] = [
    ("jit", "on"),
    ("work_mem", "3MB"),
    ("parallel_setup_cost", "7"),
    ("parallel_tuple_cost", "0.5"),
];

async fn assert_unchanged(client: &Client) {
    for (name, expected) in SESSION {
        assert_eq!(
            value(client, &format!("SHOW {name}")).await,
            expected,
            "{name}"
        );
    }
}

#[tokio::test]
async fn reports_and_plans_leave_the_settings_of_the_session() {
    let database = migrated().await;
    let mut client = database.client().await;
    for (name, setting) in SESSION {
        run(&client, &format!("SET {name} = '{setting}'")).await;
    }

    let transaction = snapshot(&mut client).await.unwrap();
    list(&transaction, &StatusFilter::default(), &AsOf::Now)
        .await
        .unwrap();
    assert_eq!(
        transaction
            .query_one("SHOW jit", &[])
            .await
            .unwrap()
            .get::<_, &str>(0),
        "off"
    );
    transaction.commit().await.unwrap();
    assert_unchanged(&client).await;

    let transaction = snapshot(&mut client).await.unwrap();
    // With a distribution, the report does not use the read model.
    let filter = RiskFilter {
        distros: vec!["debian12".parse().unwrap()],
        ..RiskFilter::default()
    };
    risk(&transaction, &filter, &AsOf::Now).await.unwrap();
    assert_eq!(
        transaction
            .query_one("SHOW work_mem", &[])
            .await
            .unwrap()
            .get::<_, &str>(0),
        "256MB"
    );
    transaction.commit().await.unwrap();
    assert_unchanged(&client).await;

    let transaction = snapshot(&mut client).await.unwrap();
    plan(&transaction, RunKind::Build, &PlanFilter::default())
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_unchanged(&client).await;
}
