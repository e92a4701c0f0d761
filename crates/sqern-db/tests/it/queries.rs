//! PostgreSQL can plan each query file with the current schema.

use std::path::Path;

use crate::support::migrated;

#[tokio::test]
async fn every_query_file_can_be_planned() {
    let database = migrated().await;
    let client = database.client().await;
    client
        .batch_execute(sqern_db::cust::load::TABLES)
        .await
        .unwrap();
    let mut planned = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("queries")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        client
            .prepare(&text)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        planned += 1;
    }
    assert!(planned > 0);
}
