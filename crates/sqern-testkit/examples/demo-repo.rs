//! Makes a small, signed apt repository for the demonstration, and prints the folder with the source file that leads to it.
//!
//! Usage: `demo-repo DIR`. The kernels are as Debian 12 names them; the packages themselves are not there, only what an index says
//! of them. A repository that stands already is left as it is, so that a second crawl finds nothing new.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sqern_testkit::repo::{DEBIAN_RULE, FakeRepo, WrittenRepo, deb, distro_toml};

/// ABI and package version of the kernels.
const KERNELS: [(&str, &str); 3] = [("6.1.0-44", "6.1.164-1"), ("6.1.0-45", "6.1.166-1"), ("6.1.0-48", "6.1.170-1")];

#[allow(clippy::print_stdout, reason = "the folder is what the example is asked for")]
fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("usage: demo-repo DIR")?;
    let sources = folder.join("distros");
    if !sources.is_dir() {
        std::fs::create_dir_all(&folder)?;
        let written = repository(&folder.canonicalize()?.join("debian"))?;
        let toml = distro_toml("debian12", DEBIAN_RULE, &[(&written, &written.file_url())]);
        std::fs::create_dir(&sources)?;
        std::fs::write(sources.join("debian12.toml"), toml)?;
    }
    println!("{}", sources.display());
    Ok(())
}

fn repository(folder: &Path) -> Result<WrittenRepo> {
    let mut repo = FakeRepo::new("bookworm").package(deb("linux-kbuild-6.1").version("6.1.170-1"));
    for (abi, version) in KERNELS {
        let common = format!("linux-headers-{abi}-common");
        for flavour in ["amd64", "cloud-amd64"] {
            let headers = deb(&format!("linux-headers-{abi}-{flavour}")).version(version);
            repo = repo.package(headers.depends(&format!("{common} (= {version}), linux-kbuild-6.1 (>= {version})")));
        }
        repo = repo.package(deb(&common).version(version).architecture("all"));
    }
    repo.write(folder)
}
