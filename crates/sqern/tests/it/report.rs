//! `sqern report` and `sqern why`. `python/tests/test_risk.py` compares risk reports with an
//! independent computation.

use serde_json::{Value, json};

use crate::program::{Program, field};

/// Inserts a kernel of debian12 for each stage, with different times.
const FIXTURE: &str = "
    INSERT INTO kver (distro, version) SELECT 'debian12', '6.1.0-' || n || '-amd64' FROM generate_series(1, 6) AS n;
    INSERT INTO kver_seen SELECT 'debian12', '6.1.0-' || n || '-amd64', '2026-05-01 00:00Z' FROM generate_series(2, 6) AS n;
    INSERT INTO kver_fetched SELECT 'debian12', '6.1.0-' || n || '-amd64', '2026-05-01 01:00Z'::timestamptz + n * interval '1 hour'
        FROM generate_series(3, 6) AS n;
    INSERT INTO sp_build (tstamp, storpool_revision, release_target, result)
        VALUES ('2026-05-02 00:00Z', '21.0', 'prod', 'SUCCESS'), ('2026-05-03 00:00Z', '21.1', 'prod', 'FAILURE'),
               ('2026-05-04 00:00Z', '21.2', 'lab', 'FAILURE');
    INSERT INTO sp_build_kver (build_id, distro, version) SELECT 1, 'debian12', '6.1.0-' || n || '-amd64' FROM generate_series(4, 6) AS n;
    INSERT INTO sp_build_kver (build_id, distro, version) SELECT n, 'debian12', '6.1.0-3-amd64' FROM generate_series(2, 3) AS n;
    INSERT INTO sp_build_kver_log (build_kver_id, host, path, seconds, exit_status, tail)
        SELECT id, 'builder', '/logs/3.log', 1, 2, E'first\\nfrob.c:7: error: too many arguments' FROM sp_build_kver WHERE build_id = 3;
    INSERT INTO sp_test (tstamp, build_id, test_flavor) VALUES ('2026-05-05 00:00Z', 1, 'smoke');
    INSERT INTO sp_test_result (test_id, result) VALUES (1, 'SUCCESS');
    INSERT INTO sp_test_kver (test_id, distro, version) SELECT 1, 'debian12', '6.1.0-' || n || '-amd64' FROM generate_series(5, 6) AS n;
    INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version, tstamp)
        VALUES ('21.0', 'prod', 'debian12', '6.1.0-6-amd64', '2026-05-06 00:00Z');
    INSERT INTO cust_cluster (name, cltype) VALUES ('acme-1', 1);
    INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
        VALUES ('acme-1', 'h1', 'debian12', '6.1.0-3-amd64', true), ('acme-1', 'h1', 'debian12', '6.1.0-6-amd64', false)";

pub async fn with_fixture() -> Program {
    let program = Program::new().await;
    program
        .database
        .client()
        .await
        .batch_execute(FIXTURE)
        .await
        .unwrap();
    program
}

#[tokio::test]
async fn why_explains_each_stage_with_a_hint() {
    let program = with_fixture().await;
    for (version, stage, missing, blocks, hint) in [
        (
            "6.1.0-1-amd64",
            "known",
            "not seen",
            "not listed by any source of debian12",
            "sqern check --distro debian12",
        ),
        (
            "6.1.0-2-amd64",
            "seen",
            "not fetched",
            "headers are not fetched",
            "sqern fetch --distro debian12 --kernel 6.1.0-2-amd64",
        ),
        (
            "6.1.0-3-amd64",
            "fetched",
            "build failed",
            "build 3 recorded result FAILURE for this kernel",
            "sqern build show 3",
        ),
        (
            "6.1.0-4-amd64",
            "built",
            "not tested",
            "build 1 is not tested yet",
            "sqern test plan --distro debian12 --kernel 6.1.0-4-amd64",
        ),
        (
            "6.1.0-5-amd64",
            "tested",
            "not available",
            "test 1 succeeded, but the module is not available",
            "sqern available add --test 1",
        ),
    ] {
        let why = &program.json(&["why", version])["item"]["kernels"][0];
        let reported = [&why["stage"], &why["missing"], &why["blocks"], &why["hint"]];
        assert_eq!(
            reported,
            [stage, missing, blocks, hint].map(Value::from).each_ref()
        );
    }
    let available = &program.json(&["why", "6.1.0-6-amd64"])["item"]["kernels"][0];
    assert_eq!(
        (&available["missing"], &available["blocks"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        available["available"],
        json!([{"revision": "21.0", "target": "prod", "at": "2026-05-06T00:00:00Z"}])
    );
    let elsewhere =
        &program.json(&["why", "6.1.0-6-amd64", "--target", "lab"])["item"]["kernels"][0];
    assert_eq!(
        (&elsewhere["stage"], &elsewhere["missing"]),
        (&json!("fetched"), &json!("not built")),
        "{elsewhere}"
    );
}

#[tokio::test]
async fn why_prints_log_plan_position_and_usual_duration() {
    let program = with_fixture().await;
    let reported = program.done(&["why", "6.1.0-3-amd64"]).stdout;
    for line in [
        "debian12 6.1.0-3-amd64: fetched; missing step: build failed (since 2026-05-03 00:00:00Z)",
        "  fetched    2026-05-01 04:00:00Z",
        "  built      -                     build 3 FAILURE (21.2 for lab), build 2 FAILURE (21.1 for prod)",
        "  reason     build 3 recorded result FAILURE for this kernel",
        "             | frob.c:7: error: too many arguments",
        "             | (builder:/logs/3.log)",
        "  plan       rank 1 of 1 in the build plan",
        "fetched to built: median 18h 0m, 90% within 19h 0m (3 kernels of debian12); overdue since 2026-05-01 22:00:00Z",
        "  hosts      production: 1 running, 1 installed",
        "  checked    never",
    ] {
        assert!(reported.contains(line), "{line}\n{reported}");
    }
    program.done(&[
        "ignore",
        "add",
        "debian12",
        "6.1.0-3-*",
        "--reason",
        "too old",
    ]);
    let ignored = program.done(&["why", "6.1.0-3-amd64"]).stdout;
    assert!(
        ignored.contains("ignored by pattern 6.1.0-3-* (too old)") && !ignored.contains("plan"),
        "{ignored}"
    );
    let narrow = program
        .command(&["why", "6.1.0-5-amd64"])
        .env("COLUMNS", "64")
        .output()
        .unwrap();
    let narrow = String::from_utf8_lossy(&narrow.stdout).into_owned();
    assert!(
        narrow.lines().all(|line| line.chars().count() <= 64),
        "{narrow}"
    );
    let evidence = "build 1 SUCCESS (21.0 for\n";
    let indent = " ".repeat("  built      2026-05-02 00:00:00Z  ".len());
    assert!(
        narrow.contains(&format!("{evidence}{indent}prod)\n")),
        "a continued line has a hanging indent: {narrow}"
    );
    let then = program.done(&["why", "6.1.0-3-amd64", "--at", "2"]);
    assert!(
        then.stdout.contains("fetched; missing step: build failed"),
        "{then:?}"
    );
}

#[tokio::test]
async fn why_prints_similar_kernels_for_an_unknown_one() {
    let program = with_fixture().await;
    let client = program.database.client().await;
    let crawl = "INSERT INTO crawl (distro, source, url, state, reason, checked_at, started_at, finished_at, kernels, bytes)
        VALUES ('debian12', 'main', 'file:x', 'failed', 'no answer', now() - interval '2 hours', now(), now(), 0, 0)";
    client.batch_execute(crawl).await.unwrap();
    let unknown = program.run(&["why", "6.1.0-3-amd46", "--distro", "debian12"]);
    assert_eq!(unknown.status, 1);
    assert!(
        unknown.stdout.starts_with("6.1.0-3-amd46 is unknown"),
        "{unknown:?}"
    );
    assert!(
        unknown.stdout.contains("nearest    debian12 6.1.0-3-amd64")
            && !unknown.stdout.contains("ago"),
        "{unknown:?}"
    );
    assert!(
        unknown
            .stderr
            .contains("warning: debian12 is incomplete: source main (failed at 2"),
        "{unknown:?}"
    );
    let distro = program.run(&["why", "6.1.0-3-amd64", "--distro", "debain12"]);
    assert!(
        distro.status == 1 && distro.stderr.contains("Did you mean debian12?"),
        "{distro:?}"
    );
}

#[tokio::test]
async fn lag_counts_kernels_that_completed_the_step() {
    let program = with_fixture().await;
    let lags = program.json(&["report", "lag", "--months"]);
    let of = |name: &str| field(&lags, name);
    assert_eq!(of("month")[0], "2026-05");
    let steps = [
        "seen to fetched",
        "fetched to built",
        "built to tested",
        "tested to available",
        "seen to available",
    ];
    assert_eq!(of("step"), steps);
    assert_eq!(
        (of("done"), of("waiting")),
        (strings([4, 3, 2, 1, 1]), strings([1, 1, 1, 1, 4]))
    );
    assert_eq!(
        of("median_s"),
        strings([5 * 3600, 18 * 3600, 72 * 3600, 24 * 3600, 120 * 3600])
    );
    assert_eq!(of("p90_s")[1], (19 * 3600).to_string());
    let table = program.done(&["report", "lag", "--csv"]);
    assert!(
        table
            .stdout
            .contains("debian12,,fetched to built,3,1,64800,68400,68400"),
        "{table:?}"
    );
}

fn strings(numbers: [i64; 5]) -> Vec<String> {
    numbers.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn activity_counts_stage_changes_by_generation() {
    let program = with_fixture().await;
    program.done(&[
        "available",
        "remove",
        "--revision",
        "21.0",
        "--target",
        "prod",
        "--kernel",
        "6.1.0-6-amd64",
    ]);
    let new = program.json(&["report", "activity", "--since", "0"]);
    let counts = |name: &str| field(&new, name);
    assert_eq!(counts("known"), ["6", "0"]);
    assert_eq!(
        (counts("built"), counts("tested")),
        (vec!["3".into(), "0".into()], vec!["2".into(), "0".into()])
    );
    assert_eq!(
        (counts("available"), counts("withdrawn")),
        (vec!["1".into(), "0".into()], vec!["0".into(), "1".into()])
    );
    let later = program.json(&[
        "report",
        "activity",
        "--since",
        &counts("generation")[0],
        "--kernels",
    ]);
    assert_eq!(
        (field(&later, "what"), field(&later, "version")),
        (
            vec!["withdrawn".to_owned()],
            vec!["6.1.0-6-amd64".to_owned()]
        )
    );
    let none = program.json(&["report", "activity", "--since", "0", "--at", "2020-01-01"]);
    assert_eq!(none["items"], json!([]));
}

#[tokio::test]
async fn html_pages_are_self_contained_and_replaced_atomically() {
    let program = with_fixture().await;
    let file = program.home.path().join("page.html");
    let path = file.to_str().unwrap();
    // Elements, attributes and properties that the policy would block.
    let blocked = regex::Regex::new(
        r#"<(script|link|img|iframe|object|embed|base|form|audio|video|image|use|font)\b|[ "]on[a-z]+=|\b(src|srcset|data|action|xlink:href)=|href="[^#]|url\(|@import|javascript:"#,
    )
    .unwrap();
    for report in [
        &["coverage"][..],
        &["risk"],
        &["lag"],
        &["activity", "--since", "0"],
    ] {
        std::fs::write(&file, "old content").unwrap();
        let written = program.done(&[&["report"], report, &["--html", path]].concat());
        assert_eq!(written.stdout, "");
        let page = std::fs::read_to_string(&file).unwrap();
        assert!(
            page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"),
            "{page}"
        );
        assert!(
            page.contains("class=\"bar\"")
                && page.contains("<table>")
                && page.contains("as of generation"),
            "{page}"
        );
        let policy = "<meta http-equiv=\"Content-Security-Policy\" \
                      content=\"default-src 'none'; style-src 'unsafe-inline'\">";
        let (head, rest) = page.split_once(policy).expect("the page has a policy");
        assert_eq!(
            head, "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">",
            "the policy precedes all content"
        );
        assert!(
            !rest.contains("http-equiv") && !rest.contains("://"),
            "{page}"
        );
        assert!(!blocked.is_match(rest), "{:?}: {page}", blocked.find(rest));
        assert!(
            page.contains("never checked: ")
                && page.contains(&format!("<code>sqern report {} ", report[0])),
            "{page}"
        );
        assert_well_formed(&page);
    }
    let nowhere = program.run(&["report", "risk", "--html", "/nowhere/page.html"]);
    assert!(
        nowhere.status == 1
            && nowhere
                .stderr
                .contains("could not write /nowhere/page.html"),
        "{nowhere:?}"
    );
    let both = program.run(&["report", "risk", "--html", path, "--json"]);
    assert!(
        both.status == 2
            && both
                .stderr
                .contains("--html cannot be used with --json, --csv or --csv-raw"),
        "{both:?}"
    );
    let kind = program.run(&["report", "risk", "--type", "prodction"]);
    assert!(
        kind.status == 1
            && kind
                .stderr
                .contains("unknown cluster type \"prodction\"; the types are 1 (production)"),
        "{kind:?}"
    );
}

/// Asserts that all elements are closed, all links have a target, and all anchors are different.
fn assert_well_formed(page: &str) {
    let tag = regex::Regex::new(r"<(/?)([a-z0-9]+)[^>]*>").unwrap();
    let mut open = vec![];
    for found in tag.captures_iter(page) {
        match (&found[1], &found[2]) {
            ("", "meta") => {}
            ("", name) => open.push(name.to_owned()),
            (_, name) => assert_eq!(open.pop().as_deref(), Some(name), "{page}"),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    let values = |attribute: &str| -> Vec<String> {
        page.split(attribute)
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect()
    };
    let mut ids = values(" id=\"");
    assert!(
        values("href=\"#").iter().all(|link| ids.contains(link)),
        "{page}"
    );
    let number = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), number, "{page}");
}

/// Returns the texts of the cells of a row whose heading is `name`.
fn html_row(page: &str, name: &str) -> Vec<String> {
    let row = page
        .split(&format!("<th scope=\"row\">{name}</th>"))
        .nth(1)
        .unwrap_or_else(|| panic!("{name}: {page}"));
    let cell = regex::Regex::new(r"<td[^>]*>(.*?)</td>").unwrap();
    let tag = regex::Regex::new(r"<[^>]+>").unwrap();
    let row = row.split("</tr>").next().unwrap_or_default();
    cell.captures_iter(row)
        .map(|found| tag.replace_all(&found[1], "").into_owned())
        .collect()
}

#[tokio::test]
async fn html_numbers_equal_those_of_json() {
    let program = with_fixture().await;
    program.done(&[
        "ignore",
        "add",
        "debian12",
        "6.1.0-1-*",
        "--reason",
        "too old",
    ]);
    let page = |report: &[&str]| {
        program
            .done(&[&["report"], report, &["--html", "-"]].concat())
            .stdout
    };
    let texts = |item: &Value, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| item[name].to_string()).collect()
    };

    let (json, html) = (program.json(&["report", "coverage"]), page(&["coverage"]));
    let names = [
        "available",
        "tested",
        "built",
        "fetched",
        "seen",
        "known",
        "wanted",
    ];
    let cells = html_row(&html, "debian12");
    assert_eq!(cells[..7], texts(&json["items"][0], &names));
    assert_eq!(
        cells[7..],
        ["20%", "1", &json["items"][0]["unwanted"].to_string()]
    );
    assert!(
        html.contains("<div class=\"value\">20%</div>") && html.contains("1 of 5 wanted kernels"),
        "{html}"
    );

    let (json, html) = (program.json(&["report", "risk"]), page(&["risk"]));
    let at_risk = texts(&json["types"][0], &["at_risk", "hosts"]);
    assert_eq!(
        html_row(&html, "production"),
        ["1", "1", &at_risk[0], &at_risk[1], "100%"]
    );
    assert!(
        html.contains(&format!(
            "<div class=\"value\">{} of {}</div>",
            at_risk[0], at_risk[1]
        )),
        "{html}"
    );
    assert_eq!(
        html_row(&html, "h1")[..3],
        ["acme-1", "running", "build failed"]
    );

    let (json, html) = (program.json(&["report", "lag"]), page(&["lag"]));
    let whole = json["items"]
        .as_array()
        .and_then(|items| items.last())
        .unwrap();
    assert_eq!(
        html_row(&html, "debian12")[..2],
        texts(whole, &["done", "waiting"])
    );

    let (json, html) = (
        program.json(&["report", "activity", "--since", "0"]),
        page(&["activity", "--since", "0"]),
    );
    let names = [
        "known",
        "seen",
        "fetched",
        "built",
        "tested",
        "available",
        "withdrawn",
    ];
    assert_eq!(
        html_row(&html, "debian12")[..7],
        texts(&json["items"][0], &names)
    );
}

#[tokio::test]
async fn html_shows_the_trend_of_the_journal() {
    let program = with_fixture().await;
    assert!(
        !program
            .done(&["report", "coverage", "--html", "-"])
            .stdout
            .contains("<svg")
    );
    // The first generations began 3 weeks ago, and the module became available now.
    let client = program.database.client().await;
    let earlier = "SET session_replication_role = replica;
        UPDATE generation_commit SET committed_at = committed_at - interval '20 days' WHERE committed_at < now();
        SET session_replication_role = DEFAULT;
        UPDATE sp_available_kver SET deleted_at = now()";
    client.batch_execute(earlier).await.unwrap();
    for (report, values, tile) in [
        (&["coverage"][..], ["17%", "0%"], "0%"),
        (&["coverage", "--target", "lab"], ["0%", "0%"], "0%"),
        (
            &["coverage", "--revision", "21.0", "--distro", "debian12"],
            ["17%", "0%"],
            "0%",
        ),
        (&["risk"], ["1", "1"], "1 of 1"),
        (
            &["risk", "--type", "production", "--cluster", "acme-1"],
            ["1", "1"],
            "1 of 1",
        ),
    ] {
        let html = program
            .done(&[&["report"], report, &["--html", "-"]].concat())
            .stdout;
        let shown: Vec<&str> = html
            .split("<strong>")
            .skip(2)
            .filter_map(|rest| rest.split('<').next())
            .collect();
        assert_eq!(shown, values, "{html}");
        assert!(
            html.contains(&format!("<div class=\"value\">{tile}</div>")),
            "{html}"
        );
        assert_eq!(html.matches("h0").count(), 3, "{html}");
    }
}

#[tokio::test]
async fn every_report_prints_its_generation() {
    let program = with_fixture().await;
    let newest = program.value("SELECT max(id) FROM generation").await;
    for report in [
        &["coverage"][..],
        &["risk"],
        &["lag"],
        &["activity", "--since", "0"],
    ] {
        let args = [&["report"], report].concat();
        let now = program.json(&args);
        assert_eq!(now["data"]["generation"].to_string(), newest, "{args:?}");
        assert!(now["data"]["at"].is_string());
        let reported = program.done(&args).stderr;
        assert!(
            reported.contains(&format!("as of generation {newest} (20")),
            "{reported}"
        );
        let then = program.json(&[&args[..], &["--at", "2020-01-01"]].concat());
        assert_eq!(
            (&then["data"]["generation"], &then["items"]),
            (&json!(0), &json!([]))
        );
    }
}
