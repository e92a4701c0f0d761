//! The programs and libraries that compiling a module in a tree requires of the machine.
//!
//! They are determined by `.config` (compiler, BTF), by `.kernelvariables` of Debian (exact compiler), and by the dynamic sections of the
//! programs that kbuild runs from the tree. The dependencies of the packages only provide the names of packages to install.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::elf;

/// `.config` of a distribution kernel has 300 KiB.
const MAX_TEXT_BYTES: u64 = 4 << 20;

/// The make variable that disables BTF for one build (kernel, `scripts/Makefile.modfinal`).
const WITHOUT_BTF: &str = "CONFIG_DEBUG_INFO_BTF_MODULES=";

/// The make variable that disables objtool for one build (kernel, `scripts/Makefile.lib`).
const WITHOUT_OBJTOOL: &str = "OBJECT_FILES_NON_STANDARD=y";

/// A program or a shared library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// A program by its name in `PATH`.
    Program(String),
    /// A shared library by its soname: `libelf.so.1`.
    Library(String),
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(name) | Self::Library(name) => f.write_str(name),
        }
    }
}

/// The purpose of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Every module build.
    Compile,
    /// Validation and unwind data by objtool; [`make_variables`] builds without them.
    Objtool,
    /// Type information (BTF) in the module; [`make_variables`] builds without it.
    Btf,
    /// Signing of modules at installation (`make modules_install`), which no build requires.
    Sign,
}

/// A tool and the first purpose that requires it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The purpose.
    pub purpose: Purpose,
    /// The tool.
    pub tool: Tool,
}

/// The package manager of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installer {
    /// apt-get(8).
    Apt,
    /// dnf(8).
    Dnf,
}

/// The programs and libraries that this machine has.
#[derive(Debug, Clone)]
pub struct Machine {
    path: String,
    /// The sonames in the cache of ldconfig(8); `None` where the C library has no such cache (musl).
    libraries: Option<BTreeSet<String>>,
}

impl Machine {
    /// Reads the list of libraries. Programs are searched in the directories of `path`, which are separated by colons.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), libraries: cached_libraries() }
    }

    /// Returns whether a tool is installed. Without a list of libraries, every library counts as installed.
    #[must_use]
    pub fn has(&self, tool: &Tool) -> bool {
        match tool {
            Tool::Program(name) => self.path.split(':').any(|directory| is_executable(&Path::new(directory).join(name))),
            Tool::Library(soname) => self.libraries.as_ref().is_none_or(|known| known.contains(soname)),
        }
    }

    /// Returns the requirements that the machine does not meet.
    #[must_use]
    pub fn missing(&self, requirements: &[Requirement]) -> Vec<Requirement> {
        requirements.iter().filter(|requirement| !self.has(&requirement.tool)).cloned().collect()
    }

    /// Returns the package manager, if its package names are known.
    #[must_use]
    pub fn installer(&self) -> Option<Installer> {
        let has = |name: &str| self.has(&Tool::Program(name.to_owned()));
        if has("apt-get") { Some(Installer::Apt) } else { has("dnf").then_some(Installer::Dnf) }
    }
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Returns the sonames in the cache of ldconfig(8).
fn cached_libraries() -> Option<BTreeSet<String>> {
    let program = ["/sbin/ldconfig", "/usr/sbin/ldconfig"].into_iter().find(|program| Path::new(program).is_file())?;
    let listed = Command::new(program).arg("-p").env_clear().stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let names: BTreeSet<String> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| line.split_once(" => ").and_then(|(name, _)| name.split_whitespace().next()).map(str::to_owned))
        .collect();
    (listed.status.success() && !names.is_empty()).then_some(names)
}

/// The programs of a tree, below the directory of headers, that kbuild runs for a module, and their purposes.
const TREE_PROGRAMS: [(&str, Purpose); 6] = [
    ("scripts/basic/fixdep", Purpose::Compile),
    ("scripts/mod/modpost", Purpose::Compile),
    ("scripts/genksyms/genksyms", Purpose::Compile),
    ("tools/objtool/objtool", Purpose::Objtool),
    ("tools/bpf/resolve_btfids/resolve_btfids", Purpose::Btf),
    ("scripts/sign-file", Purpose::Sign),
];

/// Returns the tools that compiling a module in a tree requires, sorted and without duplicates.
///
/// `build` is the directory of headers, or a link to it. A tree without `.config` only requires make, because its compiler is unknown.
/// Unreadable files are ignored, because the build reports missing tools, too.
#[must_use]
pub fn requirements(build: &Path) -> Vec<Requirement> {
    let mut found: Vec<Requirement> = Vec::new();
    let mut add = |purpose, tool| {
        if !found.iter().any(|known| known.tool == tool && known.purpose <= purpose) {
            found.retain(|known| known.tool != tool);
            found.push(Requirement { purpose, tool });
        }
    };
    add(Purpose::Compile, program("make"));
    let config = Config::read(build);
    for name in config.compilers(&text(&build.join(".kernelvariables"))) {
        add(Purpose::Compile, program(&name));
    }
    let makes_btf = config.is_set("CONFIG_DEBUG_INFO_BTF_MODULES") && build.join("vmlinux").is_file();
    if makes_btf {
        add(Purpose::Btf, program("pahole"));
    }
    for (path, purpose) in TREE_PROGRAMS {
        let runs = match purpose {
            Purpose::Compile => true,
            Purpose::Objtool => config.is_set("CONFIG_OBJTOOL") || config.is_set("CONFIG_STACK_VALIDATION"),
            Purpose::Btf => makes_btf,
            Purpose::Sign => config.is_set("CONFIG_MODULE_SIG"),
        };
        if runs {
            for soname in with_variants(&build.join(path)).iter().flat_map(|file| needed_libraries(file)) {
                add(purpose, Tool::Library(soname));
            }
        }
    }
    found.sort();
    found
}

fn program(name: &str) -> Tool {
    Tool::Program(name.to_owned())
}

/// Returns a program and its variants. objtool and modpost of Debian are wrappers of a program for one architecture, `objtool.real-x86`.
fn with_variants(program: &Path) -> Vec<PathBuf> {
    let mut files = vec![program.to_owned()];
    if let (Some(directory), Some(name)) = (program.parent(), program.file_name().and_then(|name| name.to_str())) {
        let is_variant = |file: &PathBuf| {
            let file = file.file_name().and_then(|file| file.to_str());
            file.and_then(|file| file.strip_prefix(name)).is_some_and(|rest| rest.starts_with(".real-"))
        };
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()).filter(is_variant));
    }
    files
}

/// Returns the libraries that a program loads, except for the C library. Scripts and missing files have none.
fn needed_libraries(file: &Path) -> Vec<String> {
    let Ok(mut file) = File::open(file) else { return Vec::new() };
    let mut needed = elf::needed(&mut file).unwrap_or_default();
    needed.retain(|soname| {
        !["libc.", "ld-linux", "libpthread.", "libdl.", "libm."].iter().any(|prefix| soname.starts_with(prefix))
    });
    needed
}

/// The kernel's configuration.
struct Config(String);

impl Config {
    fn read(build: &Path) -> Self {
        Self(text(&build.join(".config")))
    }

    /// Returns the value of an option without quotes; `None` if it is not set.
    fn value(&self, option: &str) -> Option<&str> {
        let value = self.0.lines().find_map(|line| line.strip_prefix(option)?.strip_prefix('='))?;
        Some(value.trim_matches('"'))
    }

    fn is_set(&self, option: &str) -> bool {
        self.value(option) == Some("y")
    }

    /// Returns the compiler and the linker. `variables` is the text of `.kernelvariables` of Debian, which names the exact compiler.
    fn compilers(&self, variables: &str) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let exact = variables.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            // `CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12`: the compiler follows the last variable.
            (name.trim() == "CC").then(|| value.rsplit([')', ' ', '\t']).next().unwrap_or_default().to_owned())
        });
        let default = if self.is_set("CONFIG_CC_IS_CLANG") { "clang" } else { "gcc" };
        let compiler = exact.filter(|name| is_compiler(name)).unwrap_or_else(|| default.to_owned());
        let linker = if self.is_set("CONFIG_LD_IS_LLD") && default == "clang" { "ld.lld" } else { "ld" };
        vec![compiler, linker.to_owned()]
    }
}

/// Returns the compiler that a kernel was built with, as its `.config` describes it: `gcc-12 (Debian 12.2.0-14) 12.2.0`.
pub(super) fn compiler_text(build: &Path) -> Option<String> {
    Config::read(build).value("CONFIG_CC_VERSION_TEXT").map(str::to_owned)
}

fn is_compiler(name: &str) -> bool {
    let rest = name.strip_prefix("gcc").or_else(|| name.strip_prefix("clang"));
    rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('-').is_some_and(|version| version.parse::<u32>().is_ok()))
}

/// Returns the first bytes of a file as text; empty if it cannot be read.
fn text(file: &PathBuf) -> String {
    let mut bytes = Vec::new();
    if std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) {
        let _ = File::open(file).and_then(|open| open.take(MAX_TEXT_BYTES).read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The packages of tools whose names differ: tool, package of Debian, package of Fedora and Enterprise Linux.
const PACKAGES: [(&str, &str, &str); 9] = [
    ("ld", "binutils", "binutils"),
    ("ld.lld", "lld", "lld"),
    ("pahole", "pahole", "dwarves"),
    ("libelf.so.1", "libelf1", "elfutils-libelf"),
    ("libdw.so.1", "libdw1", "elfutils-libs"),
    ("libz.so.1", "zlib1g", "zlib"),
    ("libcrypto.so.3", "libssl3", "openssl-libs"),
    ("libcrypto.so.1.1", "libssl1.1", "compat-openssl11"),
    ("libcrypto.so.10", "libssl1.0.2", "compat-openssl10"),
];

/// Returns the variables for the command line of make that disable optional steps whose tools are missing.
///
/// `resolve_btfids`, which BTF requires, loads the libraries of objtool.
#[must_use]
pub fn make_variables(missing: &[Requirement]) -> Vec<String> {
    let lacks = |purpose| missing.iter().any(|requirement| requirement.purpose == purpose);
    let mut variables = Vec::new();
    if lacks(Purpose::Objtool) {
        variables.push(WITHOUT_OBJTOOL.to_owned());
    }
    if lacks(Purpose::Objtool) || lacks(Purpose::Btf) {
        variables.push(WITHOUT_BTF.to_owned());
    }
    variables
}

/// Returns the command that installs missing tools, or `None` if a package is unknown or the list is empty.
///
/// `depends` are the names in the dependencies of the packages of the tree. They determine the name of a renamed library (`libelf1t64`).
#[must_use]
pub fn install_command(missing: &[Requirement], depends: &BTreeSet<String>, installer: Option<Installer>) -> Option<String> {
    let installer = installer?;
    let packages: Option<BTreeSet<&str>> =
        missing.iter().map(|requirement| package(&requirement.tool, depends, installer)).collect();
    let packages: Vec<&str> = packages?.into_iter().collect();
    let command = match installer {
        Installer::Apt => "apt-get install",
        Installer::Dnf => "dnf install",
    };
    (!packages.is_empty()).then(|| format!("{command} {}", packages.join(" ")))
}

fn package<'a>(tool: &'a Tool, depends: &'a BTreeSet<String>, installer: Installer) -> Option<&'a str> {
    let (Tool::Program(name) | Tool::Library(name)) = tool;
    let known = PACKAGES.iter().find(|(tool, ..)| tool == name).map(|(_, deb, rpm)| match installer {
        Installer::Apt => *deb,
        Installer::Dnf => *rpm,
    });
    match (tool, known) {
        (Tool::Library(_), Some(known)) => {
            Some(depends.iter().find(|name| name.starts_with(known)).map_or(known, String::as_str))
        }
        (Tool::Program(_), known) => Some(known.unwrap_or(name)),
        (Tool::Library(_), None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const DEBIAN: &str = "override ARCH = x86
CCACHE = ccache
CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12
override CROSS_COMPILE = x86_64-linux-gnu-
";

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        directory
    }

    fn named(tree: &tempfile::TempDir) -> Vec<String> {
        requirements(tree.path()).iter().map(|requirement| format!("{:?} {}", requirement.purpose, requirement.tool)).collect()
    }

    #[test]
    fn kernelvariables_determine_the_compiler() {
        let tree = tree(&[(".config", "CONFIG_CC_IS_GCC=y\n"), (".kernelvariables", DEBIAN)]);
        assert_eq!(named(&tree), ["Compile gcc-12", "Compile ld", "Compile make"]);
    }

    #[test]
    fn clang_kernels_require_clang_and_its_linker() {
        let tree = tree(&[(".config", "CONFIG_CC_IS_CLANG=y\nCONFIG_LD_IS_LLD=y\n")]);
        assert_eq!(named(&tree), ["Compile clang", "Compile ld.lld", "Compile make"]);
    }

    #[test]
    fn btf_requires_pahole_only_with_vmlinux() {
        let config = (".config", "CONFIG_CC_IS_GCC=y\nCONFIG_DEBUG_INFO_BTF_MODULES=y\n");
        assert_eq!(named(&tree(&[config])), ["Compile gcc", "Compile ld", "Compile make"]);
        assert_eq!(named(&tree(&[config, ("vmlinux", "")])), ["Compile gcc", "Compile ld", "Compile make", "Btf pahole"]);
    }

    #[test]
    fn libraries_of_tree_programs_are_required() {
        // The test program is a dynamic ELF file that loads libgcc_s and the C library.
        let test_program = std::env::current_exe().unwrap();
        let tree = tree(&[(".config", "CONFIG_CC_IS_GCC=y\n"), ("scripts/mod/x", ""), ("scripts/basic/fixdep", "#!/bin/sh\n")]);
        std::fs::copy(test_program, tree.path().join("scripts/mod/modpost")).unwrap();
        let found = named(&tree);
        assert!(found.iter().any(|name| name == "Compile libgcc_s.so.1"), "{found:?}");
        assert!(!found.iter().any(|name| name.contains("libc.so")), "{found:?}");
    }

    #[test]
    fn libraries_of_wrapped_programs_are_required() {
        let config = (".config", "CONFIG_CC_IS_GCC=y\nCONFIG_OBJTOOL=y\n");
        let tree = tree(&[config, ("tools/objtool/objtool", "#!/bin/sh\n"), ("tools/objtool/objtool.txt", "")]);
        std::fs::copy(std::env::current_exe().unwrap(), tree.path().join("tools/objtool/objtool.real-x86")).unwrap();
        let found = named(&tree);
        assert!(found.iter().any(|name| name == "Objtool libgcc_s.so.1"), "{found:?}");
    }

    #[test]
    fn missing_tools_disable_optional_steps() {
        let missing = |purpose| [Requirement { purpose, tool: program("x") }];
        assert_eq!(make_variables(&missing(Purpose::Btf)), [WITHOUT_BTF]);
        assert_eq!(make_variables(&missing(Purpose::Objtool)), [WITHOUT_OBJTOOL, WITHOUT_BTF]);
        assert!(make_variables(&missing(Purpose::Compile)).is_empty());
    }

    #[test]
    fn tree_without_configuration_requires_only_make() {
        assert_eq!(named(&tree(&[])), ["Compile make"]);
    }

    #[test]
    fn one_command_installs_all_missing_tools() {
        let need = |purpose, tool| Requirement { purpose, tool };
        let missing = [
            need(Purpose::Compile, program("gcc-13")),
            need(Purpose::Compile, Tool::Library("libelf.so.1".into())),
            need(Purpose::Btf, program("pahole")),
        ];
        let depends = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        for (installer, names, expected) in [
            (Some(Installer::Apt), depends(&[]), Some("apt-get install gcc-13 libelf1 pahole")),
            (Some(Installer::Apt), depends(&["libelf1t64", "libc6"]), Some("apt-get install gcc-13 libelf1t64 pahole")),
            (Some(Installer::Dnf), depends(&["libelf1"]), Some("dnf install dwarves elfutils-libelf gcc-13")),
            (None, depends(&[]), None),
        ] {
            assert_eq!(install_command(&missing, &names, installer).as_deref(), expected);
        }
        assert_eq!(install_command(&[], &depends(&[]), Some(Installer::Apt)), None);
        let unknown = [need(Purpose::Compile, Tool::Library("libodd.so.7".into()))];
        assert_eq!(install_command(&unknown, &depends(&[]), Some(Installer::Apt)), None);
    }

    #[test]
    fn tools_are_found_in_path_and_library_cache() {
        let bin = tree(&[("make", ""), ("apt-get", ""), ("gcc", "")]);
        for name in ["make", "apt-get"] {
            std::fs::set_permissions(bin.path().join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("/nonexistent:{}", bin.path().display());
        let machine = Machine { path, libraries: Some(BTreeSet::from(["libelf.so.1".to_owned()])) };
        let need = |tool| Requirement { purpose: Purpose::Compile, tool };
        let wanted = ["libelf.so.1", "libcrypto.so.3"].map(|name| need(Tool::Library(name.into())));
        assert_eq!(machine.missing(&wanted), wanted[1..]);
        assert_eq!(machine.missing(&[need(program("make")), need(program("gcc"))]), [need(program("gcc"))]);
        assert_eq!(machine.installer(), Some(Installer::Apt));
        let unknown = Machine { libraries: None, ..machine };
        assert!(unknown.has(&Tool::Library("libelf.so.1".into())));
    }
}
