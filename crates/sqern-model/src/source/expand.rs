//! Expansion of `{each}` and `{arch}` in a source.

use super::{Source, SourceError};

const EACH: &str = "{each}";
const ARCH: &str = "{arch}";

/// Returns one source for each value of `each`, and for each architecture if a field contains
/// `{arch}`. `file` is the name of the file for errors.
pub(super) fn expand(mut source: Source, file: &str) -> Result<Vec<Source>, SourceError> {
    if let Some(field) = source.empty_field() {
        return Err(SourceError::Empty {
            file: file.into(),
            field,
            name: source.name().into(),
        });
    }
    let values = std::mem::take(each(&mut source));
    reject_ambiguous(&mut source, file, !values.is_empty())?;
    let by_architecture = texts(&mut source).iter().any(|text| text.contains(ARCH));
    let values = if values.is_empty() {
        vec![String::new()]
    } else {
        values
    };
    let mut expanded = Vec::new();
    for value in values {
        let mut of_value = source.clone();
        fill(&mut of_value, EACH, &value);
        if !by_architecture {
            expanded.push(of_value);
            continue;
        }
        for architecture in of_value.architectures().to_vec() {
            let mut of_architecture = of_value.clone();
            fill(&mut of_architecture, ARCH, &architecture);
            *architectures(&mut of_architecture) = vec![architecture];
            expanded.push(of_architecture);
        }
    }
    for source in &mut expanded {
        let name = source.name().to_owned();
        if let Some(expected) = invalid_flat(source) {
            return Err(SourceError::Flat {
                file: file.into(),
                name,
                expected,
            });
        }
        if let Some(got) = texts(source)
            .into_iter()
            .find(|text| text.contains(['{', '}']))
        {
            let expected = "values without placeholders";
            return Err(SourceError::Placeholder {
                file: file.into(),
                expected,
                name,
                got: got.clone(),
            });
        }
    }
    Ok(expanded)
}

/// Returns the fields that a source of a flat repository must have, if it has others.
fn invalid_flat(source: &Source) -> Option<&'static str> {
    match source {
        Source::Apt(apt) if apt.is_flat() && !apt.components.is_empty() => Some("components = []"),
        Source::Apt(apt) if apt.is_flat() && apt.architectures.len() > 1 => {
            Some("one architecture, or {arch} in its name")
        }
        _ => None,
    }
}

/// Rejects unknown placeholders, and names that several sources would have.
fn reject_ambiguous(source: &mut Source, file: &str, has_each: bool) -> Result<(), SourceError> {
    let (name, several) = (source.name().to_owned(), source.architectures().len() > 1);
    let rejected = |expected, got: &str| SourceError::Placeholder {
        file: file.into(),
        expected,
        name: name.clone(),
        got: got.into(),
    };
    let mut by_architecture = false;
    for text in texts(source) {
        by_architecture |= text.contains(ARCH);
        if text.contains(EACH) && !has_each {
            return Err(rejected(
                "a list each = [\"…\"] with the values of {each}",
                text,
            ));
        }
        if text
            .replace(EACH, "")
            .replace(ARCH, "")
            .contains(['{', '}'])
        {
            return Err(rejected("only the placeholders {each} and {arch}", text));
        }
    }
    if has_each && !name.contains(EACH) {
        return Err(rejected(
            "{each} in the name, because each value creates a source",
            &name,
        ));
    }
    if by_architecture && several && !name.contains(ARCH) {
        return Err(rejected(
            "{arch} in the name, because each architecture creates a source",
            &name,
        ));
    }
    Ok(())
}

fn fill(source: &mut Source, placeholder: &str, value: &str) {
    for text in texts(source) {
        *text = text.replace(placeholder, value);
    }
}

fn each(source: &mut Source) -> &mut Vec<String> {
    match source {
        Source::Apt(apt) => &mut apt.each,
        Source::RpmMd(rpm) => &mut rpm.each,
    }
}

fn architectures(source: &mut Source) -> &mut Vec<String> {
    match source {
        Source::Apt(apt) => &mut apt.architectures,
        Source::RpmMd(rpm) => &mut rpm.architectures,
    }
}

/// Returns the fields that can contain placeholders.
fn texts(source: &mut Source) -> Vec<&mut String> {
    match source {
        Source::Apt(apt) => [&mut apt.name, &mut apt.suite]
            .into_iter()
            .chain(&mut apt.base)
            .collect(),
        Source::RpmMd(rpm) => [&mut rpm.name]
            .into_iter()
            .chain(&mut rpm.base)
            .chain(&mut rpm.mirrorlist)
            .chain(&mut rpm.metalink)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source(fields: &str) -> Source {
        toml::from_str(&format!("kind = \"rpm-md\"\n{fields}")).unwrap()
    }

    fn expanded(fields: &str) -> Result<Vec<String>, SourceError> {
        let sources = expand(source(fields), "x.toml")?;
        let summary = |source: &Source| match source {
            Source::RpmMd(rpm) => format!(
                "{} {} {}",
                rpm.name,
                rpm.base.join(","),
                rpm.architectures.join(",")
            ),
            Source::Apt(_) => String::new(),
        };
        Ok(sources.iter().map(summary).collect())
    }

    #[test]
    fn a_source_is_expanded_for_each_value_and_architecture() {
        let both = "architectures = [\"x86_64\", \"aarch64\"]\n";
        assert_eq!(
            expanded(&format!(
                "name = \"{{each}}-os-{{arch}}\"\nbase = [\"https://h/{{each}}/{{arch}}\"]\neach = [\"9.1\", \"9.2\"]\n{both}"
            ))
            .unwrap(),
            [
                "9.1-os-x86_64 https://h/9.1/x86_64 x86_64",
                "9.1-os-aarch64 https://h/9.1/aarch64 aarch64",
                "9.2-os-x86_64 https://h/9.2/x86_64 x86_64",
                "9.2-os-aarch64 https://h/9.2/aarch64 aarch64",
            ]
        );
        assert_eq!(
            expanded(&format!("name = \"os\"\nbase = [\"https://h\"]\n{both}")).unwrap(),
            ["os https://h x86_64,aarch64"]
        );
    }

    #[test]
    fn ambiguous_names_and_unknown_placeholders_are_rejected() {
        let one = "architectures = [\"x86_64\"]\n";
        for (fields, expected) in [
            (
                format!("name = \"os\"\nbase = [\"https://h/{{each}}\"]\n{one}"),
                "values of {each}",
            ),
            (
                format!("name = \"os\"\nbase = [\"https://h/\"]\neach = [\"1\"]\n{one}"),
                "{each} in the name",
            ),
            (
                format!("name = \"os\"\nbase = [\"https://h/{{basearch}}\"]\n{one}"),
                "only the placeholders",
            ),
            (
                "name = \"os\"\nbase = [\"https://h/{arch}\"]\narchitectures = [\"a\", \"b\"]"
                    .into(),
                "{arch} in the name",
            ),
            (
                "name = \"os\"\nbase = []\narchitectures = [\"a\"]".into(),
                "base, mirrorlist or metalink",
            ),
            (
                "name = \"{arch}\"\nbase = [\"https://h/{arch}\"]\narchitectures = [\"{x}\"]"
                    .into(),
                "values without placeholders",
            ),
            (
                format!(
                    "name = \"{{each}}\"\nbase = [\"https://h\"]\neach = [\"{{arch}}\"]\n{one}"
                ),
                "values without placeholders",
            ),
            (
                format!("name = \"os\"\nbase = [\"https://h\"]\noptional = true\n{one}"),
                "credentials or client-certificate",
            ),
        ] {
            let error = expanded(&fields).expect_err(&fields).to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn flat_repositories_have_one_index() {
        let distro = |fields: &str| {
            let text = format!(
                "name = \"x\"\nvariant = \"X\"\ntitle = \"X\"\n[[source]]\nkind = \"apt\"\nbase = [\"https://h\"]\n{fields}\n"
            );
            let distro: crate::DistroDef = toml::from_str(&text).unwrap();
            distro.expanded("x.toml").map_err(|error| error.to_string())
        };
        let fields = |suite: &str, components: &str, name: &str| {
            format!(
                "suite = \"{suite}\"\ncomponents = [{components}]\nname = \"{name}\"\narchitectures = [\"amd64\", \"arm64\"]"
            )
        };
        for (suite, components, name, expected) in [
            ("./", "", "os-{arch}", Ok(2)),
            ("./", "", "os", Err("one architecture")),
            ("x/", "\"main\"", "os-{arch}", Err("components = []")),
            (
                "x",
                "",
                "os",
                Err("components of source \"os\" must not be empty"),
            ),
        ] {
            let found = distro(&fields(suite, components, name));
            match (found, expected) {
                (Ok(found), Ok(count)) => assert_eq!(found.sources.len(), count),
                (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
                other => panic!("{suite} {components}: {other:?}"),
            }
        }
    }

    #[test]
    fn suite_files_are_below_dists_or_in_the_flat_directory() {
        let text = |suite: &str| {
            format!(
                "name = \"x\"\nbase = []\nsuite = \"{suite}\"\ncomponents = []\narchitectures = []\n"
            )
        };
        for (suite, expected) in [
            ("bookworm", "dists/bookworm/Release"),
            ("/stretch/updates", "dists/stretch/updates/Release"),
            ("./", "Release"),
            ("/", "Release"),
            ("a/./b/", "a/b/Release"),
        ] {
            let source: crate::AptSource = toml::from_str(&text(suite)).unwrap();
            assert_eq!(source.suite_file("Release"), expected, "{suite}");
        }
    }

    #[test]
    fn keys_have_whole_fingerprints_and_https_urls() {
        let fingerprint = "0123456789abcdef0123456789abcdef01234567";
        let distro = |fields: &str| {
            let text = format!(
                "name = \"x\"\nvariant = \"X\"\ntitle = \"X\"\n[[source]]\nkind = \"rpm-md\"\nname = \"os\"\nbase = [\"https://h\"]\n\
                 architectures = [\"x86_64\"]\n{fields}\n"
            );
            let distro: crate::DistroDef = toml::from_str(&text).unwrap();
            distro.expanded("x.toml").map_err(|error| error.to_string())
        };
        let keyring = "keyring = [\"/k\"]";
        let valid = format!("{keyring}\nkeys = [\"{fingerprint}\"]\nkey-urls = [\"https://h/k\"]");
        let source = distro(&valid).expect("valid").sources.remove(0);
        assert_eq!(source.keys(), [fingerprint.to_ascii_uppercase()]);
        for (fields, expected) in [
            (valid.replace("4567\"", "456\""), "40 hexadecimal digits"),
            (
                valid.replace("0123456789a", "0x23456789a"),
                "40 hexadecimal digits",
            ),
            (
                valid.replace("https://h/k", "http://h/k"),
                "an https URL in key-urls",
            ),
            (
                valid.replace(keyring, ""),
                "keyring of source \"os\" must not be empty",
            ),
            (
                format!("{keyring}\nkey-urls = [\"https://h/k\"]"),
                "keys of source \"os\" must not be empty",
            ),
            (
                "package-hosts = [\"https://h\"]".to_owned(),
                "the name of a host in package-hosts",
            ),
        ] {
            let error = distro(&fields).expect_err(&fields);
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    proptest! {
        #[test]
        fn each_value_and_architecture_has_one_source_without_placeholders(
            each in prop::collection::btree_set("[a-z0-9.{}]{1,5}", 1..4), archs in prop::collection::btree_set("[a-z0-9_{}]{1,5}", 1..4),
        ) {
            let (each, archs): (Vec<String>, Vec<String>) = (each.into_iter().collect(), archs.into_iter().collect());
            let urls = "name = \"{each}/{arch}\"\nbase = [\"https://h/{arch}\"]";
            let found = expanded(&format!("{urls}\neach = {each:?}\narchitectures = {archs:?}"));
            if each.iter().chain(&archs).any(|text| text.contains(['{', '}'])) {
                prop_assert!(found.is_err(), "{:?}", found);
            } else {
                let names = each.iter().flat_map(|value| archs.iter().map(move |arch| format!("{value}/{arch} https://h/{arch} {arch}")));
                prop_assert_eq!(found.expect("valid sources"), names.collect::<Vec<_>>());
            }
        }
    }
}
