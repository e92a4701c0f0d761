//! `sqern check --apt-lists`, compared with an independent count of the packages in the lists.

use std::path::{Path, PathBuf};

use sqern_testkit::clean_command;
use sqern_testkit::repo::{Compression, deb};

use crate::check::suite;
use crate::program::{Program, field};

/// Prints the headers packages that depend on a common and a kbuild package, without the parser and
/// rules of sqern.
const COUNT: &str = r#"
import glob, re, subprocess, sys
found = set()
for path in glob.glob(sys.argv[1] + "/*_Packages*"):
    reader = ["cat"] if path.endswith("_Packages") else {"lz4": ["/usr/lib/apt/apt-helper", "cat-file"], "gz": ["gzip", "-dc"], "xz": ["xz", "-dc"], "zst": ["zstd", "-dc"]}[path.rsplit(".")[-1]]
    text = subprocess.run(reader + [path], check=True, capture_output=True).stdout.decode()
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z0-9-]+): *(.*)$", stanza, re.M))
        name = fields.get("Package", "")
        if name.startswith("linux-headers-") and "-common" in fields.get("Depends", "") and "linux-kbuild-" in fields["Depends"]:
            found.add(name[len("linux-headers-"):])
print("\n".join(sorted(found)))
"#;

/// Returns the lists of this machine if it runs Debian 12 and has lists, else created ones.
fn lists(home: &Path) -> PathBuf {
    let real = PathBuf::from("/var/lib/apt/lists");
    let debian12 = std::fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.contains("ID=debian") && text.contains("VERSION_ID=\"12\""));
    let has_lists = std::fs::read_dir(&real).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .contains("_main_binary-amd64_Packages")
        })
    });
    if debian12 && has_lists {
        real
    } else {
        create_lists(home)
    }
}

fn create_lists(home: &Path) -> PathBuf {
    let directory = home.join("lists");
    let headers = |abi: &str| {
        deb(&format!("linux-headers-{abi}-amd64"))
            .version("6.1.1")
            .depends(&format!("linux-headers-{abi}-common, linux-kbuild-6.1"))
    };
    suite("bookworm", &[])
        .package(headers("6.1.0-1"))
        .package(headers("6.1.0-2"))
        .package(
            deb("linux-headers-6.1.0-1-common")
                .version("6.1.1")
                .architecture("all"),
        )
        .package(
            deb("linux-headers-6.1.0-2-common")
                .version("6.1.1")
                .architecture("all"),
        )
        .package(deb("linux-kbuild-6.1").version("6.1.1"))
        .package(
            deb("linux-headers-amd64")
                .version("6.1.1")
                .depends("linux-headers-6.1.0-2-amd64"),
        )
        .package(deb("linux-image-6.1.0-2-amd64-dbg").version("6.1.1"))
        .write_apt_lists(&directory, "archive.example.test_debian", Compression::Gzip)
        .unwrap();
    directory
}

async fn found_equals_counted(program: &Program, directory: &Path) {
    let counted = clean_command("python3")
        .args(["-c", COUNT])
        .arg(directory)
        .output()
        .expect("python3 runs");
    assert!(counted.status.success(), "{counted:?}");
    let counted = String::from_utf8(counted.stdout).unwrap();
    let expected: Vec<&str> = counted.lines().collect();
    assert!(
        !expected.is_empty(),
        "nothing to find in {}",
        directory.display()
    );

    let directory = directory.display().to_string();
    let check = ["check", "--distro", "debian12", "--apt-lists", &directory];
    let ran = program.done(&check);
    let mut found = field(&program.json(&["kver", "list"]), "version");
    found.sort();
    assert_eq!(found, expected, "{ran:?}");

    let journal = program.journal().await;
    program.done(&check);
    assert_eq!(
        program.journal().await,
        journal,
        "a second run records nothing"
    );
}

#[tokio::test]
async fn check_finds_exactly_the_headers_packages_of_apt_lists() {
    let program = Program::new().await;
    found_equals_counted(&program, &lists(program.home.path())).await;
}

#[tokio::test]
async fn meta_common_and_debug_packages_are_not_kernels() {
    let program = Program::new().await;
    found_equals_counted(&program, &create_lists(program.home.path())).await;
}
