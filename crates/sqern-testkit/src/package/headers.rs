//! Headers that modules can be built with, without a kernel: a Makefile that has the compiler do what kbuild does.

use super::Payload;

/// What stands for kbuild: every `.c` of `obj-m` becomes a `.ko` whose `.modinfo` says what was its vermagic.
const RECIPE: &str = r#"include $(M)/Makefile
modules: $(patsubst %.o,$(M)/%.ko,$(obj-m))
%.ko:
	@echo '  CC [M]  $*.o'
	@grep -q MODULE_LICENSE $*.c
	@echo 'static const char v[] __attribute__((section(".modinfo"), used)) = "vermagic=$(VERMAGIC) SMP mod_unload ";' > $*.mod.c
	@$(CC) -c -o $@ $*.mod.c
.PHONY: modules
"#;

/// The headers of one kernel.
#[derive(Debug, Clone)]
pub struct Headers {
    version: String,
    vermagic: String,
    files: Vec<(String, String)>,
}

impl Headers {
    /// Those of the kernel whose `uname -r` is this.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self { version: version.to_owned(), vermagic: version.to_owned(), files: Vec::new() }
    }

    /// Adds a file to the folder of headers: `.config`, `.kernelvariables`, `vmlinux`.
    #[must_use]
    pub fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push((name.to_owned(), content.to_owned()));
        self
    }

    /// Modules built with them say that they are for another kernel.
    #[must_use]
    pub fn vermagic(mut self, vermagic: &str) -> Self {
        vermagic.clone_into(&mut self.vermagic);
        self
    }

    /// As Debian packs them: the flavour's half, that leads by an absolute path to the shared half at `/usr/src/COMMON`.
    #[must_use]
    pub fn debian(&self, common: &str) -> Payload {
        let folder = format!("usr/src/linux-headers-{}", self.version);
        let makefile = format!("VERMAGIC := {}\ninclude /usr/src/{common}/Makefile\n", self.vermagic);
        self.release(&folder)
            .file(format!("{folder}/Makefile"), makefile)
            .symlink(format!("lib/modules/{}/build", self.version), format!("/{folder}"))
    }

    /// Debian's shared half.
    #[must_use]
    pub fn debian_common(common: &str) -> Payload {
        Payload::new().file(format!("usr/src/{common}/Makefile"), RECIPE)
    }

    /// As `kernel-devel` of the EL family packs them: in one folder.
    #[must_use]
    pub fn kernel_devel(&self) -> Payload {
        let folder = format!("usr/src/kernels/{}", self.version);
        self.release(&folder).file(format!("{folder}/Makefile"), format!("VERMAGIC := {}\n{RECIPE}", self.vermagic))
    }

    fn release(&self, folder: &str) -> Payload {
        let text = format!("#define UTS_RELEASE \"{}\"\n", self.version);
        let release = Payload::new().file(format!("{folder}/include/generated/utsrelease.h"), text);
        self.files.iter().fold(release, |payload, (name, content)| payload.file(format!("{folder}/{name}"), content))
    }
}
