//! Kernel headers that modules can be built with, without a kernel: a Makefile that runs the
//! compiler like kbuild.

use super::Payload;

/// A replacement for kbuild: turns each `.c` file of `obj-m` into a `.ko` file whose `.modinfo`
/// contains the vermagic. With a `Module.symvers`, it also has symbol versions.
const RECIPE: &str = r#"include $(M)/Makefile
modules: $(patsubst %.o,$(M)/%.ko,$(obj-m))
%.ko:
	@echo '  CC [M]  $*.o'
	@grep -q MODULE_LICENSE $*.c
	@echo 'static const char v[] __attribute__((section(".modinfo"), used)) = "vermagic=$(VERMAGIC) SMP mod_unload ";' > $*.mod.c
	@if [ -s Module.symvers ]; then echo 'static const char s[] __attribute__((section("__versions"), used)) = "x";' >> $*.mod.c; fi
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
    /// Returns the headers of the kernel with this `uname -r`.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            version: version.to_owned(),
            vermagic: version.to_owned(),
            files: Vec::new(),
        }
    }

    /// Adds a file to the directory of headers: `.config`, `.kernelvariables`, `vmlinux`.
    #[must_use]
    pub fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push((name.to_owned(), content.to_owned()));
        self
    }

    /// Makes the modules that are built with the headers state another kernel.
    #[must_use]
    pub fn vermagic(mut self, vermagic: &str) -> Self {
        vermagic.clone_into(&mut self.vermagic);
        self
    }

    /// Returns the part of one flavor as Debian packages it. It refers by an absolute path to the
    /// shared part at `/usr/src/COMMON`.
    #[must_use]
    pub fn debian(&self, common: &str) -> Payload {
        let folder = format!("usr/src/linux-headers-{}", self.version);
        let makefile = format!(
            "VERMAGIC := {}\ninclude /usr/src/{common}/Makefile\n",
            self.vermagic
        );
        self.release(&folder)
            .file(format!("{folder}/Makefile"), makefile)
            .symlink(
                format!("lib/modules/{}/build", self.version),
                format!("/{folder}"),
            )
    }

    /// Returns the shared part of Debian's headers.
    #[must_use]
    pub fn debian_common(common: &str) -> Payload {
        Payload::new().file(format!("usr/src/{common}/Makefile"), RECIPE)
    }

    /// Returns the headers as `kernel-devel` of the EL family packages them: in one directory.
    #[must_use]
    pub fn kernel_devel(&self) -> Payload {
        let folder = format!("usr/src/kernels/{}", self.version);
        self.release(&folder).file(
            format!("{folder}/Makefile"),
            format!("VERMAGIC := {}\n{RECIPE}", self.vermagic),
        )
    }

    fn release(&self, folder: &str) -> Payload {
        let text = format!("#define UTS_RELEASE \"{}\"\n", self.version);
        let release = Payload::new().file(format!("{folder}/include/generated/utsrelease.h"), text);
        self.files.iter().fold(release, |payload, (name, content)| {
            payload.file(format!("{folder}/{name}"), content)
        })
    }
}
