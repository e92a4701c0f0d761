//! Reports and explanations.

use sqern_core::reports::risk::{RiskQuery, Role};
use sqern_core::reports::{Matrix, ReportQuery, activity, coverage, lag, risk};
use sqern_core::why::{WhyQuery, explain};
use sqern_db::AsOf;
use sqern_db::snapshot;
use sqern_model::{At, Step, TypeWord};

use crate::support::Fixture;

/// Adds a build of the first kernel, an archived kernel, and a host that runs the second kernel and
/// has the third one.
const ROWS: &str = "
    UPDATE kver_seen SET tstamp = '2026-05-31 22:00Z';
    UPDATE kver_fetched SET tstamp = '2026-06-01 00:00Z';
    UPDATE kver SET archived = true WHERE version = '6.1.0-4';
    INSERT INTO sp_build (tstamp, storpool_revision, release_target, result) VALUES ('2026-06-01 12:00Z', '21.0', 'prod', 'SUCCESS');
    INSERT INTO sp_build_kver (build_id, distro, version) SELECT id, 'debian12', '6.1.0-1' FROM sp_build;
    INSERT INTO cust_cluster (name, cltype) VALUES ('acme-1', 1);
    INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
        VALUES ('acme-1', 'h1', 'debian12', '6.1.0-2', true), ('acme-1', 'h1', 'debian12', '6.1.0-3', false)";

async fn fixture() -> Fixture {
    let fixture = Fixture::new(&["6.1.0-1", "6.1.0-2", "6.1.0-3", "6.1.0-4"]).await;
    fixture.client.batch_execute(ROWS).await.unwrap();
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_and_lag_count_wanted_kernels() {
    let mut fixture = fixture().await;
    let transaction = snapshot(&mut fixture.client).await.unwrap();
    let query = ReportQuery::default();
    let report = coverage::report(&transaction, &query, true, &AsOf::Now)
        .await
        .unwrap();
    let coverage = &report.distros[0];
    assert_eq!(
        (coverage.by_stage(), coverage.wanted, coverage.unwanted),
        ([0, 0, 2, 1, 0, 0], 3, 1)
    );
    assert_eq!(
        (coverage.share_available, report.kernels.len()),
        (Some(0.0), 4)
    );

    let report = lag::report(&transaction, &query, &AsOf::Now).await.unwrap();
    let steps: Vec<_> = report
        .distros
        .iter()
        .map(|lag| (lag.step, lag.done, lag.waiting))
        .collect();
    assert_eq!(
        steps,
        [
            (Step::Fetch, 3, 0),
            (Step::Build, 1, 2),
            (Step::Test, 0, 1),
            (Step::Whole, 0, 3)
        ]
    );
    assert_eq!(report.distros[0].spread.unwrap().median_s, 7200);
    assert_eq!(
        (report.months[0].month.as_deref(), report.kernels.len()),
        (Some("2026-05"), 3)
    );
    let expected = Matrix {
        columns: vec!["2026-05".to_owned()],
        rows: vec![("debian12".to_owned(), vec![None])],
    };
    assert_eq!(lag::medians_by_month(&report.months), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn risk_counts_running_and_newest_kernels() {
    let mut fixture = fixture().await;
    let transaction = snapshot(&mut fixture.client).await.unwrap();
    let query = RiskQuery {
        types: vec![TypeWord("1".to_owned())],
        with_hosts: true,
        ..RiskQuery::default()
    };
    let report = risk::report(&transaction, &query, &AsOf::Now)
        .await
        .unwrap();
    let kernels: Vec<_> = report
        .kernels
        .iter()
        .map(|risk| (risk.kernel.version.as_str(), risk.running, risk.newest))
        .collect();
    assert_eq!(kernels, [("6.1.0-3", 0, 1), ("6.1.0-2", 1, 0)]);
    assert_eq!(
        report
            .hosts
            .iter()
            .map(|host| host.role)
            .collect::<Vec<_>>(),
        [Role::Running, Role::Newest]
    );
    assert_eq!(
        (
            report.types[0].hosts,
            report.types[0].at_risk,
            report.types[0].unwanted
        ),
        (1, 1, 0)
    );
    assert_eq!(report.missing_steps.columns, ["not built"]);
    assert_eq!(
        report.missing_steps.rows,
        [(report.types[0].cltype.clone(), vec![Some(2)])]
    );

    let unknown = RiskQuery {
        types: vec![TypeWord("nothing".to_owned())],
        ..RiskQuery::default()
    };
    let error = risk::report(&transaction, &unknown, &AsOf::Now)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("unknown cluster type \"nothing\"; the types are 1 ("),
        "{error}"
    );
    assert_eq!(error.hints(), ["sqern cust type list"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_counts_kernels_by_generation() {
    let mut fixture = fixture().await;
    let transaction = snapshot(&mut fixture.client).await.unwrap();
    let report = activity::report(&transaction, At::Generation(0), &[], &AsOf::Now)
        .await
        .unwrap();
    let built: u64 = report
        .generations
        .iter()
        .map(|generation| generation.built)
        .sum();
    let known: u64 = report
        .generations
        .iter()
        .map(|generation| generation.known)
        .sum();
    assert_eq!((report.after, known, built), (0, 4, 1));
    let by_distro = activity::by_distro(&report.kernels);
    assert_eq!(
        (by_distro.columns[0].as_str(), by_distro.rows[0].1[0]),
        ("known", Some(4))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn explanations_contain_the_reason_and_the_next_step() {
    let mut fixture = fixture().await;
    let transaction = snapshot(&mut fixture.client).await.unwrap();
    let request = |version: &str| WhyQuery {
        version: version.parse().unwrap(),
        query: ReportQuery::default(),
        until: None,
    };
    for (version, reason, hint, position) in [
        (
            "6.1.0-1",
            "build 1 is not tested yet",
            "sqern test plan --distro debian12 --kernel 6.1.0-1",
            Some(("test", 1, 1)),
        ),
        (
            "6.1.0-2",
            "not built yet",
            "sqern build plan --distro debian12 --kernel 6.1.0-2",
            Some(("build", 1, 2)),
        ),
        (
            "6.1.0-4",
            "archived, so excluded from all plans",
            "sqern kver unarchive debian12/6.1.0-4",
            None,
        ),
    ] {
        let explanation = explain(&transaction, &request(version), &AsOf::Now)
            .await
            .unwrap();
        let kernel = &explanation.kernels[0];
        assert_eq!(
            (kernel.reason.as_deref(), kernel.hint.as_deref()),
            (Some(reason), Some(hint))
        );
        let found = kernel
            .position
            .as_ref()
            .map(|position| (position.plan, position.rank, position.kernels));
        assert_eq!(found, position, "{version}");
    }
    let unknown = explain(&transaction, &request("6.1.0-22"), &AsOf::Now)
        .await
        .unwrap();
    assert!(
        unknown.kernels.is_empty() && !unknown.nearest.is_empty(),
        "{unknown:?}"
    );
}
