//! Creates a small signed apt repository for the demonstration and prints the directory of its
//! source file.
//!
//! Usage: `demo-repo DIR`. The repository publishes four kernels of a distribution named `demo`,
//! for the architecture of this machine. Their headers are few, but a module that uses them
//! compiles and links as with a real kernel. An existing repository is left unchanged, so that a
//! second crawl finds nothing new.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sqern_testkit::package::Payload;
use sqern_testkit::repo::{FakeRepo, deb, distro_toml};

/// The ABI and the package version of each kernel.
const KERNELS: [(&str, &str); 4] = [
    ("6.1.0-1", "6.1.10-1"),
    ("6.1.0-2", "6.1.20-1"),
    ("6.1.0-3", "6.1.30-1"),
    ("6.1.0-4", "6.1.40-1"),
];

/// The files of the headers. `@RELEASE@` in the Makefile is replaced by the release of the kernel.
const HEADERS: [(&str, &str); 5] = [
    ("Makefile", include_str!("demo-headers/Makefile")),
    (
        "Module.symvers",
        include_str!("demo-headers/Module.symvers"),
    ),
    (
        "include/linux/init.h",
        include_str!("demo-headers/include/linux/init.h"),
    ),
    (
        "include/linux/module.h",
        include_str!("demo-headers/include/linux/module.h"),
    ),
    (
        "include/linux/slab.h",
        include_str!("demo-headers/include/linux/slab.h"),
    ),
];

#[allow(
    clippy::print_stdout,
    reason = "the directory is the output of the example"
)]
fn main() -> Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .context("usage: demo-repo DIR")?;
    let sources = folder.join("distros");
    if !sources.join("demo.toml").is_file() {
        std::fs::create_dir_all(&sources)?;
        let architecture = if std::env::consts::ARCH == "aarch64" {
            "arm64"
        } else {
            "amd64"
        };
        let written = repository(architecture).write(&folder.canonicalize()?.join("debian"))?;
        let rule = format!(
            "[[rule]]\npackage = '^linux-headers-(?<uname>[0-9].*-{architecture})$'\nsupport = '^$'\n"
        );
        let toml = distro_toml("demo", &rule, &[(&written, &written.file_url())]);
        // The source file is renamed into place last, so that the next run replaces the repository
        // of a run that was killed.
        write_whole(
            &sources.join("demo.toml"),
            &toml.replace("[\"amd64\"]", &format!("[{architecture:?}]")),
        )?;
    }
    println!("{}", sources.display());
    Ok(())
}

fn write_whole(file: &Path, text: &str) -> Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, text)?;
    Ok(std::fs::rename(new, file)?)
}

fn repository(architecture: &str) -> FakeRepo {
    let packages = KERNELS.map(|(abi, version)| {
        let release = format!("{abi}-{architecture}");
        let headers = deb(&format!("linux-headers-{release}"))
            .version(version)
            .architecture(architecture);
        headers.payload(&headers_of(&release))
    });
    packages.into_iter().fold(
        FakeRepo::new("demo").holds("main", architecture),
        FakeRepo::package,
    )
}

fn headers_of(release: &str) -> Payload {
    let folder = format!("usr/src/linux-headers-{release}");
    let stated = format!("#define UTS_RELEASE \"{release}\"\n");
    let generated = Payload::new()
        .file(format!("{folder}/include/generated/utsrelease.h"), stated)
        .file(
            format!("{folder}/.config"),
            "CONFIG_MODULES=y\nCONFIG_CC_IS_GCC=y\n",
        );
    let payload = HEADERS.iter().fold(generated, |payload, (name, text)| {
        payload.file(
            format!("{folder}/{name}"),
            text.replace("@RELEASE@", release),
        )
    });
    payload.symlink(format!("lib/modules/{release}/build"), format!("/{folder}"))
}
