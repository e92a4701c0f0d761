//! The variables of make for the compiler of a kernel, and for builds without some tools.

use std::path::Path;

use super::config::Config;
use super::{Purpose, Requirement};

/// The make variable that disables BTF for one build (kernel, `scripts/Makefile.modfinal`).
const WITHOUT_BTF: &str = "CONFIG_DEBUG_INFO_BTF_MODULES=";

/// The make variable that disables objtool for one build (kernel, `scripts/Makefile.lib`).
const WITHOUT_OBJTOOL: &str = "OBJECT_FILES_NON_STANDARD=y";

/// Returns the variables for the command line of make that select the compiler of the kernel, and
/// disable optional steps whose tools are missing. `build` is the directory of headers, or a link to
/// it.
///
/// `resolve_btfids`, which BTF requires, loads the libraries of objtool.
#[must_use]
pub fn make_variables(build: &Path, missing: &[Requirement]) -> Vec<String> {
    let lacks = |purpose| {
        missing
            .iter()
            .any(|requirement| requirement.purpose == purpose)
    };
    let compiler = Config::read(build).compiler_variable();
    let mut variables: Vec<String> = compiler.map(str::to_owned).into_iter().collect();
    if lacks(Purpose::Objtool) {
        variables.push(WITHOUT_OBJTOOL.to_owned());
    }
    if lacks(Purpose::Objtool) || lacks(Purpose::Btf) {
        variables.push(WITHOUT_BTF.to_owned());
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::super::program;
    use super::super::test_support::tree;
    use super::*;

    #[test]
    fn kernels_of_clang_are_compiled_with_clang() {
        for (config, expected) in [
            ("CONFIG_CC_IS_GCC=y\n", &[][..]),
            ("CONFIG_CC_IS_CLANG=y\nCONFIG_LD_IS_LLD=y\n", &["LLVM=1"]),
            ("CONFIG_CC_IS_CLANG=y\n", &["CC=clang"]),
            ("", &[]),
        ] {
            let tree = tree(&[(".config", config)]);
            assert_eq!(make_variables(tree.path(), &[]), expected, "{config:?}");
        }
    }

    #[test]
    fn missing_tools_disable_optional_steps() {
        let tree = tree(&[]);
        let missing = |purpose| {
            [Requirement {
                purpose,
                tool: program("x"),
            }]
        };
        assert_eq!(
            make_variables(tree.path(), &missing(Purpose::Btf)),
            [WITHOUT_BTF]
        );
        assert_eq!(
            make_variables(tree.path(), &missing(Purpose::Objtool)),
            [WITHOUT_OBJTOOL, WITHOUT_BTF]
        );
        assert!(make_variables(tree.path(), &missing(Purpose::Compile)).is_empty());
    }
}
