//! Source files (`distros/*.toml`) that refer to fake repositories.

use std::fmt::Write as _;

use super::WrittenRepo;

/// The rule that recognizes Debian's packages, shortened for tests.
pub const DEBIAN_RULE: &str = "[[rule]]\n\
    package = '^linux-headers-(?<uname>[0-9].*-amd64)$'\n\
    support = '^linux-(headers-[0-9].*-common|kbuild-[0-9])'\n";

/// The rule that recognizes Ubuntu's packages, shortened for tests.
pub const UBUNTU_RULE: &str = "[[rule]]\n\
    package = '^linux-headers-(?<uname>[0-9].*-(generic|lowlatency))$'\n\
    support = '^linux-(.*-)?headers-[0-9]'\n";

/// The rule that recognizes the packages of the Enterprise Linux family.
pub const EL_RULE: &str = "[[rule]]\n\
    package = '^kernel-(uek-)?devel$'\n\
    uname-provides = 'kernel-devel-uname-r'\n\
    uname = '{version}-{release}.{arch}'\n\
    support = '^$'\n";

/// The rule that recognizes SUSE's packages.
pub const SUSE_RULE: &str = "[[rule]]\n\
    package = '^kernel-(?<flavour>[a-z]+)-devel$'\n\
    release = '^(?<build>.+)\\.[0-9]+$'\n\
    uname = '{version}-{build}-{flavour}'\n\
    support = '^kernel-devel$'\n";

/// Returns the text of a source file: a distribution with rules, and one rpm-md source for each
/// name with additional lines.
#[must_use]
pub fn rpm_distro_toml(name: &str, rules: &str, sources: &[(&str, &str)]) -> String {
    let mut text = format!("name = {name:?}\nvariant = \"TEST\"\ntitle = {name:?}\n{rules}");
    for (source, lines) in sources {
        let _ = write!(
            text,
            "[[source]]\nkind = \"rpm-md\"\nname = {source:?}\narchitectures = [\"x86_64\"]\n{lines}\n"
        );
    }
    text
}

/// Returns the text of a source file: a distribution with rules, and one apt source for each suite
/// with the base URL and its keyring.
#[must_use]
pub fn distro_toml(name: &str, rules: &str, sources: &[(&WrittenRepo, &str)]) -> String {
    let mut text = format!("name = {name:?}\nvariant = \"TEST\"\ntitle = {name:?}\n{rules}");
    for (repo, base) in sources {
        let _ = write!(
            text,
            "[[source]]\nkind = \"apt\"\nname = {0:?}\nbase = [{base:?}]\nsuite = {0:?}\ncomponents = [\"main\"]\n\
             architectures = [\"amd64\"]\nkeyring = [{1:?}]\nkeyring-package = \"sqern-test-keyring\"\n",
            repo.suite,
            repo.keyring.display().to_string(),
        );
    }
    text
}

impl WrittenRepo {
    /// Returns the base of the archive as a `file:` URL.
    #[must_use]
    pub fn file_url(&self) -> String {
        format!("file://{}", self.folder.display())
    }
}
