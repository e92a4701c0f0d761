//! The configuration of the kernel, and the compiler that it requires.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sqern_model::escape::escape_control;

/// `.config` of a distribution kernel has 300 KiB.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// The size limit of a text that is printed.
pub(in crate::tree) const MAX_PRINTED_BYTES: usize = 256;

/// The kernel's configuration.
pub(super) struct Config(String);

impl Config {
    pub(super) fn read(build: &Path) -> Self {
        Self(text(&build.join(".config")))
    }

    /// Returns the value of an option without quotes; `None` if it is not set.
    fn value(&self, option: &str) -> Option<&str> {
        let value = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix(option)?.strip_prefix('='))?;
        Some(value.trim_matches('"'))
    }

    pub(super) fn is_set(&self, option: &str) -> bool {
        self.value(option) == Some("y")
    }

    /// Returns the compiler and the linker. `variables` is the text of `.kernelvariables` of
    /// Debian, which names the exact compiler.
    pub(super) fn compilers(&self, variables: &str) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let exact = variables.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            // `CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12`: the
            // compiler follows the last variable.
            (name.trim() == "CC").then(|| {
                value
                    .rsplit([')', ' ', '\t'])
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
        });
        let default = if self.is_set("CONFIG_CC_IS_CLANG") {
            "clang"
        } else {
            "gcc"
        };
        let compiler = exact
            .filter(|name| is_compiler(name))
            .unwrap_or_else(|| default.to_owned());
        let linker = if self.is_set("CONFIG_LD_IS_LLD") && default == "clang" {
            "ld.lld"
        } else {
            "ld"
        };
        vec![compiler, linker.to_owned()]
    }
}

/// Returns the compiler that a kernel was built with, as its `.config` describes it: `gcc-12
/// (Debian 12.2.0-14) 12.2.0`. The result is escaped and has about 256 bytes at most.
pub(in crate::tree) fn compiler_text(build: &Path) -> Option<String> {
    Config::read(build)
        .value("CONFIG_CC_VERSION_TEXT")
        .map(|text| escape_control(text, MAX_PRINTED_BYTES))
}

/// Returns whether the kernel checks the versions of symbols of modules.
pub(in crate::tree) fn has_symbol_versions(build: &Path) -> bool {
    Config::read(build).is_set("CONFIG_MODVERSIONS")
}

impl Config {
    /// Returns the variable of make that selects clang for a kernel that clang compiled
    /// (Documentation/kbuild/llvm.rst); `None` for GCC, which kbuild uses by default.
    pub(super) fn compiler_variable(&self) -> Option<&'static str> {
        let is_set = |option| self.is_set(option);
        match (is_set("CONFIG_CC_IS_CLANG"), is_set("CONFIG_LD_IS_LLD")) {
            (true, true) => Some("LLVM=1"),
            (true, false) => Some("CC=clang"),
            (false, _) => None,
        }
    }
}

fn is_compiler(name: &str) -> bool {
    let rest = name
        .strip_prefix("gcc")
        .or_else(|| name.strip_prefix("clang"));
    rest.is_some_and(|rest| {
        rest.is_empty()
            || rest
                .strip_prefix('-')
                .is_some_and(|version| version.len() <= 4 && version.parse::<u32>().is_ok())
    })
}

/// Returns the first bytes of a file as text; empty if it cannot be read.
pub(super) fn text(file: &PathBuf) -> String {
    let mut bytes = Vec::new();
    if std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) {
        let _ = File::open(file).and_then(|open| open.take(MAX_TEXT_BYTES).read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
