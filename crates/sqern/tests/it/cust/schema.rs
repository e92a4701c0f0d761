//! The published JSON schema and `sqern cust load` accept and reject the same reports.

use regex::Regex;
use serde_json::{Value, json};

use super::{cluster, clusters, host, load, two_clusters};
use crate::program::Program;

fn schema() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/cust-report.schema.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether a value matches a schema. Supports the keywords of draft 2020-12 that the published
/// schema uses, and panics for others.
fn is_valid(root: &Value, schema: &Value, value: &Value) -> bool {
    schema
        .as_object()
        .expect("a schema is an object")
        .iter()
        .all(|(keyword, rule)| match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = rule
                    .as_str()
                    .unwrap()
                    .strip_prefix('#')
                    .expect("references stay within the schema");
                is_valid(root, root.pointer(pointer).expect(pointer), value)
            }
            "type" => match rule.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "null" => value.is_null(),
                other => panic!("type {other}"),
            },
            "properties" => value.as_object().is_none_or(|fields| {
                fields.iter().all(|(name, field)| {
                    rule.get(name)
                        .is_none_or(|schema| is_valid(root, schema, field))
                })
            }),
            "required" => value.as_object().is_none_or(|fields| {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .all(|name| fields.contains_key(name.as_str().unwrap()))
            }),
            "additionalProperties" => {
                assert_eq!(rule, false);
                value.as_object().is_none_or(|fields| {
                    fields
                        .keys()
                        .all(|name| schema["properties"].get(name).is_some())
                })
            }
            "items" => value
                .as_array()
                .is_none_or(|items| items.iter().all(|item| is_valid(root, rule, item))),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "uniqueItems" => value.as_array().is_none_or(|items| {
                items
                    .iter()
                    .enumerate()
                    .all(|(index, item)| !items[..index].contains(item))
            }),
            "minimum" => value
                .as_i64()
                .is_none_or(|number| number >= rule.as_i64().unwrap()),
            "maxLength" => value
                .as_str()
                .is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "pattern" => value
                .as_str()
                .is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
            "anyOf" => rule
                .as_array()
                .unwrap()
                .iter()
                .any(|schema| is_valid(root, schema, value)),
            other => panic!("keyword {other}"),
        })
}

/// Returns a report of one host with these fields.
fn of_host(fields: &Value) -> Value {
    let mut host = json!({"name": "h1", "distro": "debian12", "running": "6.1.0-1-amd64", "installed": ["6.1.0-1-amd64"]});
    for (name, value) in fields.as_object().unwrap() {
        if value == "left out" {
            host.as_object_mut().unwrap().remove(name);
        } else {
            host[name] = value.clone();
        }
    }
    clusters(&[cluster("acme-1", &[host])])
}

fn of_cluster(fields: &Value) -> Value {
    let mut cluster = cluster("acme-1", &[host("h1", 1)]);
    for (name, value) in fields.as_object().unwrap() {
        if value == "left out" {
            cluster.as_object_mut().unwrap().remove(name);
        } else {
            cluster[name] = value.clone();
        }
    }
    clusters(&[cluster])
}

#[tokio::test]
async fn the_schema_and_the_program_accept_the_same_reports() {
    let program = Program::new().await;
    let schema = schema();
    let out = "left out";
    let accepted = [
        two_clusters(),
        of_host(&json!({"running": out})),
        of_host(&json!({"running": null})),
        of_host(&json!({"installed": out})),
        of_host(&json!({"installed": []})),
        of_host(&json!({"running": "another"})),
        of_host(&json!({"name": "é b, \"c\" \\ 日本"})),
        of_host(&json!({"name": "é".repeat(253), "running": "6".repeat(64)})),
        of_cluster(&json!({"name": "é".repeat(253)})),
        of_cluster(&json!({"type": 1})),
        of_cluster(&json!({"type": "1"})),
        of_cluster(&json!({"type": "out of support"})),
        of_cluster(&json!({"hosts": []})),
    ];
    let rejected = [
        json!([]),
        json!({}),
        json!("clusters"),
        json!({"clusters": []}),
        json!({"clusters": {}}),
        json!({"clusters": [1]}),
        json!({"clusters": two_clusters()["clusters"], "more": 1}),
        of_host(&json!({"running": out, "installed": out})),
        of_host(&json!({"running": null, "installed": []})),
        of_host(&json!({"running": 6})),
        of_host(&json!({"running": ""})),
        of_host(&json!({"installed": "6.1.0-1-amd64"})),
        of_host(&json!({"installed": null})),
        of_host(&json!({"installed": ["a", "b", "a"]})),
        of_host(&json!({"installed": ["a", 1]})),
        of_host(&json!({"installed": [" a"]})),
        of_host(&json!({"name": out})),
        of_host(&json!({"name": null})),
        of_host(&json!({"name": "h1 "})),
        of_host(&json!({"name": "\u{a0}h1"})),
        of_host(&json!({"name": "h\t1"})),
        of_host(&json!({"name": "h\u{85}1"})),
        of_host(&json!({"name": "h".repeat(254)})),
        of_host(&json!({"running": "6".repeat(65)})),
        of_host(&json!({"installed": ["6".repeat(65)]})),
        of_host(&json!({"running": "../../etc/x"})),
        of_host(&json!({"running": "-rf"})),
        of_host(&json!({"installed": ["$(touch x)"]})),
        of_host(&json!({"installed": ["6.1\u{202e}"]})),
        of_host(&json!({"distro": "a/b"})),
        of_host(&json!({"distro": "d".repeat(65)})),
        of_cluster(&json!({"name": "a".repeat(254)})),
        of_host(&json!({"distro": out})),
        of_host(&json!({"distro": "debian12\n"})),
        of_host(&json!({"kernel": "x"})),
        of_cluster(&json!({"name": out})),
        of_cluster(&json!({"name": ""})),
        of_cluster(&json!({"type": out})),
        of_cluster(&json!({"type": null})),
        of_cluster(&json!({"type": -1})),
        of_cluster(&json!({"type": 1.5})),
        of_cluster(&json!({"type": true})),
        of_cluster(&json!({"hosts": out})),
        of_cluster(&json!({"hosts": null})),
        of_cluster(&json!({"hosts": [[]]})),
        of_cluster(&json!({"hosts": {}})),
        of_cluster(&json!({"site": "x"})),
    ];
    for (samples, expected) in [(&accepted[..], true), (&rejected, false)] {
        for sample in samples {
            assert_eq!(
                is_valid(&schema, &schema, sample),
                expected,
                "the schema: {sample}"
            );
            let ran = load(
                &program,
                sample.to_string(),
                &["--format", "json", "--dry-run"],
            );
            assert_eq!(
                ran.status,
                i32::from(!expected),
                "the program: {sample}: {ran:?}"
            );
        }
    }
}
