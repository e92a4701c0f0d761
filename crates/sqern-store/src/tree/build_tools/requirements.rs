//! The tools that a tree requires.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::super::elf;
use super::config::{Config, text};
use super::{Purpose, Requirement, Tool, program};

/// The programs of a tree, below the directory of headers, that kbuild runs for a module, and their
/// purposes.
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
/// `build` is the directory of headers, or a link to it. A tree without `.config` only requires
/// make, because its compiler is unknown. Unreadable files are ignored, because the build reports
/// missing tools, too.
#[must_use]
pub fn requirements(build: &Path) -> Vec<Requirement> {
    let mut found: Vec<Requirement> = Vec::new();
    let mut add = |purpose, tool| {
        if !found
            .iter()
            .any(|known| known.tool == tool && known.purpose <= purpose)
        {
            found.retain(|known| known.tool != tool);
            found.push(Requirement { purpose, tool });
        }
    };
    add(Purpose::Compile, program("make"));
    let config = Config::read(build);
    for name in config.compilers(&text(&build.join(".kernelvariables"))) {
        add(Purpose::Compile, program(&name));
    }
    let makes_btf =
        config.is_set("CONFIG_DEBUG_INFO_BTF_MODULES") && build.join("vmlinux").is_file();
    if makes_btf {
        add(Purpose::Btf, program("pahole"));
    }
    for (path, purpose) in TREE_PROGRAMS {
        let runs = match purpose {
            Purpose::Compile => true,
            Purpose::Objtool => {
                config.is_set("CONFIG_OBJTOOL") || config.is_set("CONFIG_STACK_VALIDATION")
            }
            Purpose::Btf => makes_btf,
            Purpose::Sign => config.is_set("CONFIG_MODULE_SIG"),
        };
        if runs {
            for soname in with_variants(&build.join(path))
                .iter()
                .flat_map(|file| needed_libraries(file))
            {
                add(purpose, Tool::Library(soname));
            }
        }
    }
    found.sort();
    found
}

/// Returns a program and its variants. objtool and modpost of Debian are wrappers of a program for
/// one architecture, `objtool.real-x86`.
fn with_variants(program: &Path) -> Vec<PathBuf> {
    let mut files = vec![program.to_owned()];
    if let (Some(directory), Some(name)) = (
        program.parent(),
        program.file_name().and_then(|name| name.to_str()),
    ) {
        let is_variant = |file: &PathBuf| {
            let file = file.file_name().and_then(|file| file.to_str());
            file.and_then(|file| file.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with(".real-"))
        };
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()).filter(is_variant));
    }
    files
}

/// Returns the libraries that a program loads, except for the C library. Scripts and missing files
/// have none.
fn needed_libraries(file: &Path) -> Vec<String> {
    let Ok(mut file) = File::open(file) else {
        return Vec::new();
    };
    let mut needed = elf::needed(&mut file).unwrap_or_default();
    needed.retain(|soname| {
        !["libc.", "ld-linux", "libpthread.", "libdl.", "libm."]
            .iter()
            .any(|prefix| soname.starts_with(prefix))
    });
    needed
}

#[cfg(test)]
mod tests {
    use super::super::test_support::tree;
    use super::*;

    const DEBIAN: &str = "override ARCH = x86
CCACHE = ccache
CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12
override CROSS_COMPILE = x86_64-linux-gnu-
";

    fn named(tree: &tempfile::TempDir) -> Vec<String> {
        requirements(tree.path())
            .iter()
            .map(|requirement| format!("{:?} {}", requirement.purpose, requirement.tool))
            .collect()
    }

    #[test]
    fn kernelvariables_determine_the_compiler() {
        let tree = tree(&[
            (".config", "CONFIG_CC_IS_GCC=y\n"),
            (".kernelvariables", DEBIAN),
        ]);
        assert_eq!(
            named(&tree),
            ["Compile gcc-12", "Compile ld", "Compile make"]
        );
    }

    #[test]
    fn clang_kernels_require_clang_and_its_linker() {
        let tree = tree(&[(".config", "CONFIG_CC_IS_CLANG=y\nCONFIG_LD_IS_LLD=y\n")]);
        assert_eq!(
            named(&tree),
            ["Compile clang", "Compile ld.lld", "Compile make"]
        );
    }

    #[test]
    fn btf_requires_pahole_only_with_vmlinux() {
        let config = (
            ".config",
            "CONFIG_CC_IS_GCC=y\nCONFIG_DEBUG_INFO_BTF_MODULES=y\n",
        );
        assert_eq!(
            named(&tree(&[config])),
            ["Compile gcc", "Compile ld", "Compile make"]
        );
        assert_eq!(
            named(&tree(&[config, ("vmlinux", "")])),
            ["Compile gcc", "Compile ld", "Compile make", "Btf pahole"]
        );
    }

    #[test]
    fn libraries_of_tree_programs_are_required() {
        // The test program is a dynamic ELF file that loads libgcc_s and the C library.
        let test_program = std::env::current_exe().unwrap();
        let tree = tree(&[
            (".config", "CONFIG_CC_IS_GCC=y\n"),
            ("scripts/mod/x", ""),
            ("scripts/basic/fixdep", "#!/bin/sh\n"),
        ]);
        std::fs::copy(test_program, tree.path().join("scripts/mod/modpost")).unwrap();
        let found = named(&tree);
        assert!(
            found.iter().any(|name| name == "Compile libgcc_s.so.1"),
            "{found:?}"
        );
        assert!(
            !found.iter().any(|name| name.contains("libc.so")),
            "{found:?}"
        );
    }

    #[test]
    fn libraries_of_wrapped_programs_are_required() {
        let config = (".config", "CONFIG_CC_IS_GCC=y\nCONFIG_OBJTOOL=y\n");
        let tree = tree(&[
            config,
            ("tools/objtool/objtool", "#!/bin/sh\n"),
            ("tools/objtool/objtool.txt", ""),
        ]);
        std::fs::copy(
            std::env::current_exe().unwrap(),
            tree.path().join("tools/objtool/objtool.real-x86"),
        )
        .unwrap();
        let found = named(&tree);
        assert!(
            found.iter().any(|name| name == "Objtool libgcc_s.so.1"),
            "{found:?}"
        );
    }

    #[test]
    fn tree_without_configuration_requires_only_make() {
        assert_eq!(named(&tree(&[])), ["Compile make"]);
    }
}
