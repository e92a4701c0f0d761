//! Random changes of all tables, with few different kernels, hosts and runs.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sqern_model::KernelVersion;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// The first state: 16 kernels, 3 clusters, and one host, build and test.
pub const START: &str = "
    INSERT INTO distro VALUES ('debian12', 'D'), ('alma9', 'A');
    INSERT INTO kver (distro, version) SELECT 'debian12', '6.1.0-' || n || '-amd64' FROM generate_series(1, 8) AS n;
    INSERT INTO kver (distro, version) SELECT 'alma9', '5.14.0-' || n || '.el9.x86_64' FROM generate_series(8, 15) AS n;
    INSERT INTO kver_seen SELECT distro, version FROM kver WHERE version <> '6.1.0-8-amd64';
    INSERT INTO kver_fetched SELECT distro, version FROM kver WHERE version ~ '-[1-9][.-]';
    INSERT INTO cust_cluster (name, cltype) VALUES ('c1', 1), ('c2', 2), ('c3', 2);
    INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current) VALUES
        ('c1', 'h1', 'debian12', '6.1.0-1-amd64', true), ('c1', 'h1', 'debian12', '6.1.0-2-amd64', false);
    INSERT INTO sp_build (storpool_revision, release_target, result) VALUES ('r1', 't1', 'SUCCESS');
    INSERT INTO sp_build_kver (build_id, distro, version) SELECT 1, distro, version FROM kver WHERE version ~ '-[1-4][.-]';
    INSERT INTO sp_test (build_id) VALUES (1);
    INSERT INTO sp_test_kver (test_id, distro, version) SELECT 1, distro, version FROM kver WHERE version ~ '-[1-2][.-]'";

/// Statements with placeholders for random values. Some of them fail in some states, which rolls the
/// transaction back.
const STATEMENTS: &[&str] = &[
    "INSERT INTO kver (distro, version) SELECT {distro}, {text} || '-' || {number} ON CONFLICT DO NOTHING",
    "UPDATE kver SET archived = NOT archived WHERE {kernel}",
    "UPDATE kver SET version = version || 'x' WHERE {kernel}",
    "DELETE FROM kver WHERE {kernel}",
    "INSERT INTO kver_seen SELECT distro, version FROM kver WHERE {kernel} ON CONFLICT DO NOTHING",
    "INSERT INTO kver_fetched SELECT distro, version FROM kver WHERE {kernel} ON CONFLICT (distro, version) DO UPDATE SET tstamp = now()",
    "DELETE FROM kver_fetched WHERE {kernel}",
    "DELETE FROM kver_seen WHERE {kernel}",
    "INSERT INTO kver_ignore (distro, pattern) VALUES ({distro}, '%-' || {number} || '%') ON CONFLICT DO NOTHING",
    "UPDATE kver_ignore SET deleted_at = now() WHERE deleted_at = '-infinity' AND id % 3 = {number} % 3",
    "UPDATE kver_ignore SET pattern = '%' || {number} || '-%' WHERE id % 3 = {number} % 3",
    "DELETE FROM kver_ignore WHERE id % 3 = {number} % 3",
    "UPDATE distro SET name = CASE name WHEN 'alma9' THEN 'debian11' WHEN 'debian11' THEN 'alma9' ELSE name END",
    "INSERT INTO cust_cluster (name, cltype) VALUES ('c' || {number}, {number} % 6 + 1) ON CONFLICT DO NOTHING",
    "UPDATE cust_cluster SET cltype = {number} % 6 + 1 WHERE name = {cluster}",
    "UPDATE cust_cluster SET deleted_at = CASE deleted_at WHEN '-infinity' THEN now() ELSE '-infinity' END WHERE name = {cluster}",
    "UPDATE cust_cluster SET name = name || 'x' WHERE name = {cluster} AND length(name) < 6",
    "INSERT INTO cust_host_kver (cluster_name, host_name, distro, version) SELECT {cluster}, 'h' || {number} % 4, distro, version FROM kver WHERE {kernel} ON CONFLICT DO NOTHING",
    "INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current) SELECT {cluster}, 'h' || {number}, distro, version, true FROM kver WHERE {kernel} LIMIT 1 ON CONFLICT DO NOTHING",
    "UPDATE cust_host_kver SET current = NOT current WHERE {kernel}",
    "UPDATE cust_host_kver SET deleted_at = now() WHERE deleted_at = '-infinity' AND cluster_name = {cluster} AND id % 3 = {number} % 3",
    "UPDATE cust_host_kver SET deleted_at = '-infinity' WHERE {kernel}",
    "DELETE FROM cust_host_kver WHERE cluster_name = {cluster} AND id % 3 = {number} % 3",
    "WITH b AS (INSERT INTO sp_build (storpool_revision, release_target, result) VALUES ('r' || {number} % 3, 't' || {number} % 2, {result}) RETURNING id)
     INSERT INTO sp_build_kver (build_id, distro, version, result) SELECT b.id, distro, version, {result} FROM b, kver WHERE {kernel}",
    "UPDATE sp_build SET result = {result} WHERE id % 4 = {number} % 4",
    "UPDATE sp_build SET deleted_at = CASE deleted_at WHEN '-infinity' THEN now() ELSE '-infinity' END WHERE id % 4 = {number} % 4",
    "UPDATE sp_build_kver SET result = {result} WHERE {kernel}",
    "UPDATE sp_build_kver SET deleted_at = CASE deleted_at WHEN '-infinity' THEN now() ELSE '-infinity' END WHERE {kernel} AND id % 4 = {number} % 4",
    "DELETE FROM sp_build_kver WHERE {kernel} AND id % 4 = {number} % 4",
    "WITH t AS (INSERT INTO sp_test (build_id) SELECT id FROM sp_build WHERE id % 4 = {number} % 4 ORDER BY id DESC LIMIT 1 RETURNING id, build_id),
          r AS (INSERT INTO sp_test_result (test_id, result) SELECT id, {result} FROM t)
     INSERT INTO sp_test_kver (test_id, distro, version, result) SELECT t.id, k.distro, k.version, {result} FROM t JOIN sp_build_kver AS k USING (build_id) WHERE {kernel}",
    "UPDATE sp_test_result SET result = {result} WHERE test_id % 4 = {number} % 4 AND deleted_at = '-infinity'",
    "UPDATE sp_test_result SET deleted_at = now() WHERE test_id % 4 = {number} % 4 AND deleted_at = '-infinity'",
    "UPDATE sp_test SET deleted_at = CASE deleted_at WHEN '-infinity' THEN now() ELSE '-infinity' END WHERE id % 4 = {number} % 4",
    "UPDATE sp_test SET build_id = (SELECT min(id) FROM sp_build) WHERE id % 4 = {number} % 4",
    "UPDATE sp_test_kver SET result = {result} WHERE {kernel}",
    "DELETE FROM sp_test_kver WHERE {kernel} AND id % 4 = {number} % 4",
    "INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version) SELECT 'r' || {number} % 3, 't' || {number} % 2, distro, version FROM kver WHERE {kernel} ON CONFLICT DO NOTHING",
    "UPDATE sp_available_kver SET deleted_at = now() WHERE deleted_at = '-infinity' AND {kernel}",
    "UPDATE sp_available_kver SET release_target = 't' || {number} WHERE {kernel}",
];

/// A generator of random transactions.
pub struct Changes {
    random: TestRng,
}

impl Changes {
    pub fn new(seed: u8) -> Self {
        Self {
            random: TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.next_u32()).unwrap() % limit
    }

    /// Executes 1 to 4 statements in a transaction, and commits it in most cases.
    pub async fn transaction(&mut self, client: &mut Client) {
        let transaction = client.transaction().await.unwrap();
        for _ in 0..=self.below(4) {
            let statement = self.statement();
            match transaction.batch_execute(&statement).await {
                Ok(()) => {}
                Err(error) => {
                    let code = error.code().map(SqlState::code).unwrap_or_default();
                    // Unique and foreign keys, checks, deadlocks and locks.
                    assert!(
                        code.starts_with("23") || code == "40P01" || code == "55P03",
                        "{statement}\n{error:?}"
                    );
                    return;
                }
            }
        }
        if self.below(5) == 0 {
            transaction.rollback().await.unwrap();
        } else {
            transaction.commit().await.unwrap();
        }
    }

    fn statement(&mut self) -> String {
        let mut statement = STATEMENTS[self.below(STATEMENTS.len())].to_owned();
        for (name, values) in [
            (
                "{distro}",
                &["'debian12'", "(SELECT min(name) FROM distro)"][..],
            ),
            ("{text}", &["'6.2'", "'6.1.0~rc1'", "'6.1.0^git'"]),
            ("{number}", &["1", "2", "3", "5", "8", "10"]),
            (
                "{kernel}",
                &[
                    "version ~ '-[1-4][.-]'",
                    "version ~ '-[2-9][.-]'",
                    "version = '6.1.0-1-amd64'",
                    "distro = 'debian12'",
                    "version LIKE '%1%'",
                    "version LIKE '6.2%'",
                ],
            ),
            (
                "{cluster}",
                &[
                    "'c1'",
                    "'c2'",
                    "'c3'",
                    "(SELECT max(name) FROM cust_cluster)",
                ],
            ),
            (
                "{result}",
                &[
                    "'SUCCESS'",
                    "'SUCCESS'",
                    "'failure'",
                    "'UNSTABLE'",
                    "'ABORTED'",
                    "NULL",
                ],
            ),
        ] {
            while statement.contains(name) {
                let value = values[self.below(values.len())];
                statement = statement.replacen(name, value, 1);
            }
        }
        statement
    }
}

/// Returns random versions with the characters that the rules distinguish.
pub fn versions(count: usize) -> Vec<KernelVersion> {
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[1; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let version = prop_oneof![
        "[0-9]{0,2}:?[0-9a-cA-C.+~^_{}|:!-]{1,10}",
        "[0-9.]{1,4}[0-9]{1,45}",
        "[0-9a-z.é~^-]{1,12}",
        "[5-6]\\.[0-9]{1,2}\\.0(~rc[0-9])?-[0-9]{1,3}(\\.[0-9]{1,2})?(\\.el[89](_[0-9]{1,2})?\\.x86_64|-amd64)",
    ];
    let mut versions = vec![];
    while versions.len() < count {
        let text = version.new_tree(&mut runner).unwrap().current();
        versions.extend(KernelVersion::new(text).ok());
    }
    versions
}
