//! Decoding of stored values, and errors that contain them.

use sqern_db::run::{self, Liveness};
use sqern_db::{AsOf, DbError, distro};
use sqern_model::{RunKind, RunResult};

use crate::support::{migrated, run};

#[tokio::test]
async fn an_invalid_stored_value_is_an_error_that_names_the_column() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "ALTER TABLE distro DROP CONSTRAINT distro_name_check;
         INSERT INTO distro VALUES (' d', 'D', true);
         ALTER TABLE sp_build DROP CONSTRAINT sp_build_result_check;
         INSERT INTO sp_build (result) VALUES ('BROKEN')",
    )
    .await;
    let error = distro::list(&client, &AsOf::Now).await.unwrap_err();
    assert!(
        matches!(&error, DbError::Unexpected { column, .. } if column == "name"),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "invalid value in column name: expected a distribution name without leading or trailing blanks and without control characters, \
         found \" d\""
    );
    let error = run::get(&client, RunKind::Build, 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid value in column result: expected SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED, found \"BROKEN\""
    );
}

#[tokio::test]
async fn a_run_without_a_lease_is_in_progress_and_cannot_be_renewed() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "INSERT INTO sp_build (storpool_revision) VALUES ('r')",
    )
    .await;
    assert_eq!(
        run::get(&client, RunKind::Build, 1).await.unwrap().state,
        Liveness::Running
    );
    assert_eq!(
        run::renew(&client, RunKind::Build, 1)
            .await
            .unwrap_err()
            .to_string(),
        "build 1 has no lease"
    );
    run(&client, "UPDATE sp_build SET result = 'failure'").await;
    let build = run::get(&client, RunKind::Build, 1).await.unwrap();
    assert_eq!(
        (build.state, build.result),
        (Liveness::Finished, Some(RunResult::Failure))
    );
    let error = run::renew(&client, RunKind::Build, 1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "build 1 has already finished with result FAILURE"
    );
}
