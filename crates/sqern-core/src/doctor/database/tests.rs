//! Findings for each observed state of a database.

use sqern_db::migrate::Applied;
use sqern_model::CrawlState;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn server(version_num: i32) -> Server {
    Server {
        version_num,
        version: "14.9 (Debian 14.9-1)".into(),
        user: "me".into(),
        now: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn an_old_server_fails() {
    assert_eq!(check_server(&server(150_000)).state, State::Ok);
    let old = check_server(&server(140_009));
    assert_eq!(
        (old.state, old.found.as_str()),
        (
            State::Failed,
            "PostgreSQL 14.9 (Debian 14.9-1) is not supported, version 15 or later is required"
        )
    );
}

#[test]
fn unusable_schemas_fail() {
    let status = |version: i32, breaking: bool, differ: &[&str]| SchemaStatus {
        version,
        latest: 8,
        applied: vec![Applied {
            version,
            name: "x".into(),
            breaking,
            checksum: String::new(),
        }],
        functions_differ: differ.iter().map(|&file| file.to_owned()).collect(),
    };
    for (status, state, hint) in [
        (status(8, false, &[]), State::Ok, None),
        (
            status(9, false, &[]),
            State::Warning,
            Some("sqern --version  # then install a later version"),
        ),
        (
            status(0, false, &[]),
            State::Failed,
            Some("sqern db migrate"),
        ),
        (
            status(7, false, &[]),
            State::Failed,
            Some("sqern db migrate"),
        ),
        (
            status(8, false, &["a.sql"]),
            State::Failed,
            Some("sqern db migrate"),
        ),
        (
            status(9, true, &[]),
            State::Failed,
            Some(
                "Install the version of sqern that migrated this database, or a later one. Nothing was changed.",
            ),
        ),
    ] {
        let finding = check_schema(&status);
        assert_eq!(
            (finding.state, finding.hint.as_deref()),
            (state, hint),
            "{status:?}"
        );
    }
}

#[test]
fn role_membership_determines_the_finding() {
    let all = |exist: bool, held: &[&str]| -> Vec<Role> {
        let role = |name: &str| Role {
            name: name.to_owned(),
            exists: exist,
            held: held.contains(&name),
        };
        [
            "sqern_reader",
            "sqern_writer",
            "sqern_crawler",
            "sqern_admin",
        ]
        .map(role)
        .to_vec()
    };
    for (given, state, found) in [
        (
            all(true, &["sqern_reader", "sqern_writer", "sqern_admin"]),
            State::Ok,
            "me is a member of sqern_reader, sqern_writer, sqern_admin",
        ),
        (
            all(true, &["sqern_writer"]),
            State::Ok,
            "me is a member of sqern_writer",
        ),
        (
            all(true, &["sqern_reader"]),
            State::Warning,
            "me has read access only; fetch, build and cust load require sqern_writer, and check requires sqern_crawler",
        ),
        (
            all(true, &[]),
            State::Failed,
            "me is not a member of a sqern role and has no access",
        ),
        (
            all(false, &[]),
            State::Failed,
            "missing roles: sqern_reader, sqern_writer, sqern_crawler, sqern_admin",
        ),
    ] {
        let finding = check_roles("me", &given);
        assert_eq!((finding.state, finding.found.as_str()), (state, found));
    }
    assert_eq!(
        check_roles("me", &all(true, &[])).hint.unwrap(),
        "psql -c 'GRANT sqern_writer TO \"me\"'  # as the owner of the database"
    );
}

#[test]
fn a_journal_without_a_trigger_fails() {
    let rule = |problems: &[&str]| Checked {
        rule: "rule",
        problems: problems.iter().map(|&text| text.to_owned()).collect(),
    };
    assert_eq!(check_journal(&[rule(&[]), rule(&[])]).state, State::Ok);
    let broken = check_journal(&[rule(&[]), rule(&["table kver: trigger x is missing"])]);
    assert_eq!(
        (broken.state, broken.found.as_str()),
        (State::Failed, "table kver: trigger x is missing")
    );
}

#[test]
fn old_absent_and_incomplete_crawls_are_warnings() {
    let now = at("2026-03-10T00:00:00Z");
    let distro = |name: &str, checked: Option<&str>| Distro {
        name: name.parse().unwrap(),
        variant: "X".into(),
        supported: true,
        kernels: 1,
        checked_at: checked.map(at),
    };
    let fresh = distro("debian12", Some("2026-03-09T21:59:00Z"));
    let described = |distros: &[Distro], incomplete: &[Incomplete]| -> Vec<String> {
        let findings = check_crawls(distros, incomplete, now);
        findings
            .iter()
            .map(|finding| {
                format!(
                    "{} {} {}",
                    finding.state.as_str(),
                    finding.about.as_deref().unwrap_or("-"),
                    finding.found
                )
            })
            .collect()
    };
    assert_eq!(
        described(std::slice::from_ref(&fresh), &[]),
        ["ok - 1 distribution, oldest check 2 h ago"]
    );
    let old = distro("alma9", Some("2026-03-07T23:00:00Z"));
    assert_eq!(
        described(&[old, distro("alma8", None), fresh.clone()], &[]),
        [
            "warning - alma8: never checked",
            "warning - alma9: not checked for 48 hours"
        ]
    );
    let source = Incomplete {
        distro: "debian12".parse().unwrap(),
        source: "bookworm".into(),
        state: CrawlState::Failed,
        reason: "expected a file".into(),
        checked_at: now,
    };
    assert_eq!(
        described(&[fresh], &[source]),
        ["warning debian12 source bookworm (failed at the last check): expected a file"]
    );
}

#[test]
fn functions_that_store_large_objects_are_a_warning_with_a_command() {
    assert!(check_large_objects(&[]).is_none());
    let functions = ["lo_creat(integer)", "lo_create(oid)"].map(str::to_owned);
    let finding = check_large_objects(&functions).unwrap();
    assert_eq!(finding.state, State::Warning);
    assert_eq!(
        finding.hint.unwrap(),
        "psql -c 'REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid) FROM PUBLIC'  # as a superuser, in this database"
    );
}
