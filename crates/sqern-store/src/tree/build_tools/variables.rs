//! The variables of make for builds without some tools.

use super::{Purpose, Requirement};

/// The make variable that disables BTF for one build (kernel, `scripts/Makefile.modfinal`).
const WITHOUT_BTF: &str = "CONFIG_DEBUG_INFO_BTF_MODULES=";

/// The make variable that disables objtool for one build (kernel, `scripts/Makefile.lib`).
const WITHOUT_OBJTOOL: &str = "OBJECT_FILES_NON_STANDARD=y";

/// Returns the variables for the command line of make that disable optional steps whose tools are
/// missing.
///
/// `resolve_btfids`, which BTF requires, loads the libraries of objtool.
#[must_use]
pub fn make_variables(missing: &[Requirement]) -> Vec<String> {
    let lacks = |purpose| {
        missing
            .iter()
            .any(|requirement| requirement.purpose == purpose)
    };
    let mut variables = Vec::new();
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
    use super::*;

    #[test]
    fn missing_tools_disable_optional_steps() {
        let missing = |purpose| {
            [Requirement {
                purpose,
                tool: program("x"),
            }]
        };
        assert_eq!(make_variables(&missing(Purpose::Btf)), [WITHOUT_BTF]);
        assert_eq!(
            make_variables(&missing(Purpose::Objtool)),
            [WITHOUT_OBJTOOL, WITHOUT_BTF]
        );
        assert!(make_variables(&missing(Purpose::Compile)).is_empty());
    }
}
