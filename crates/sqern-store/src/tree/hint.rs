//! Hints for the messages of GNU make, GCC, the dynamic linker and kbuild.

/// The hint about a compiler that differs from that of the kernel. `.config` contains its version.
const CONFIGURED_COMPILER: &str = "Install the compiler that .config specifies";

/// Texts that must occur in the same line, and the hint.
const HINTS: [(&[&str], &str); 18] = [
    (
        &["error while loading shared libraries: libelf"],
        "apt-get install libelf1, or dnf install elfutils-libelf",
    ),
    (
        &["error while loading shared libraries: libcrypto"],
        "Install the OpenSSL library of the distribution of the packages (libssl3).",
    ),
    (
        &["gelf.h"],
        "apt-get install libelf-dev, or dnf install elfutils-libelf-devel",
    ),
    (
        &["libelf-dev"],
        "apt-get install libelf-dev, or dnf install elfutils-libelf-devel",
    ),
    (
        &["openssl/", "No such file"],
        "apt-get install libssl-dev, or dnf install openssl-devel",
    ),
    (
        &["version `GLIBC_", "not found"],
        "The build programs in the header packages require a newer distribution. Run sqern fetch in a container of that distribution.",
    ),
    (
        &["Exec format error"],
        "The build programs in the header packages are for another architecture. Run sqern fetch on a machine with that architecture.",
    ),
    (
        &["cannot execute binary file"],
        "The build programs in the header packages are for another architecture. Run sqern fetch on a machine with that architecture.",
    ),
    (
        &["Permission denied"],
        "The build programs in the header packages must be executable. Mount the store without noexec.",
    ),
    (
        &["unrecognized command", "option"],
        "The kernel was built with another compiler. Install the compiler that .config specifies",
    ),
    (
        &["compiler", "too old"],
        "The compiler is too old for this kernel. Install the compiler that .config specifies",
    ),
    (
        &["Compiler lacks asm-goto support"],
        "The compiler is too old for this kernel. Install the compiler that .config specifies",
    ),
    (
        &["pahole", "not found"],
        "apt-get install pahole, or dnf install dwarves",
    ),
    (
        &["gcc-plugin"],
        "Install the plugins of the GCC of the kernel (gcc-12-plugin-dev).",
    ),
    (
        &["gcc", "not found"],
        "Install the compiler in the message (apt-get install make gcc, or for example gcc-12).",
    ),
    (
        &["cc: No such file or directory"],
        "Install the compiler in the message (apt-get install make gcc).",
    ),
    (
        &["Makefile", "No such file or directory"],
        "Unpack all dependencies of the header package (-common, linux-kbuild).",
    ),
    (
        &["No rule to make target"],
        "Unpack all dependencies of the header package (-common, linux-kbuild).",
    ),
];

/// A hint for a failed build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BuildHint {
    /// The hint.
    pub(super) text: &'static str,
    /// Whether the hint refers to the compiler in `.config`, which should be appended.
    pub(super) names_compiler: bool,
}

/// Returns the hint for the first line that has one.
pub(super) fn hint(output: &str) -> Option<BuildHint> {
    let known = |line: &str| {
        HINTS
            .iter()
            .find(|(texts, _)| texts.iter().all(|text| line.contains(text)))
    };
    let (_, text) = output.lines().find_map(known)?;
    Some(BuildHint {
        text,
        names_compiler: text.ends_with(CONFIGURED_COMPILER),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_found_in_the_output_of_build_tools() {
        for (line, part) in [
            (
                "scripts/mod/modpost: error while loading shared libraries: libelf.so.1: cannot open",
                "libelf1",
            ),
            ("/bin/sh: 1: gcc-12: not found", "gcc-12"),
            ("make[1]: gcc: No such file or directory", "make gcc"),
            (
                "gcc: error: unrecognized command-line option '-mharden-sls=all'",
                "compiler that .config specifies",
            ),
            (
                "fixdep: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found",
                "newer distribution",
            ),
            (
                "/bin/sh: scripts/basic/fixdep: cannot execute binary file: Exec format error",
                "another architecture",
            ),
            (
                "Makefile:1: /usr/src/linux-headers-6.1.0-25-common/Makefile: No such file or directory",
                "-common",
            ),
            (
                "make[2]: *** No rule to make target 'scripts/Makefile.build'",
                "linux-kbuild",
            ),
        ] {
            let hint = hint(&format!(
                "  CC [M]  x.o\n{line}\nmake: *** [Makefile] Error 2\n"
            ))
            .unwrap();
            assert!(hint.text.contains(part), "{line}: {hint:?}");
        }
        assert_eq!(hint("make: *** [Makefile:2: modules] Error 2\n"), None);
    }
}
