//! Packages of a fake index.

use super::release::sha256;
use crate::package::{DebFile, Payload};

/// One package's stanza to be; start with [`deb`].
#[derive(Debug, Clone)]
pub struct Deb {
    name: String,
    version: String,
    architecture: String,
    /// Further fields, in the order given; they replace the default of their name, and an empty value leaves it out.
    fields: Vec<(String, String)>,
    /// The file itself, where the archive has it.
    content: Option<Vec<u8>>,
}

/// A package of version 1.0-1 for amd64.
#[must_use]
pub fn deb(name: &str) -> Deb {
    Deb {
        name: name.to_owned(),
        version: "1.0-1".to_owned(),
        architecture: "amd64".to_owned(),
        fields: Vec::new(),
        content: None,
    }
}

impl Deb {
    /// Its version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Its architecture.
    #[must_use]
    pub fn architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// What it depends on.
    #[must_use]
    pub fn depends(self, relations: &str) -> Self {
        self.field("Depends", relations)
    }

    /// Any field in place of its default; an empty value leaves the field out.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The file itself, that brings this: it lies in the archive where the stanza says, with its true size and checksum. What a
    /// payload's archive can't hold is the test's own mistake, and panics.
    ///
    /// # Panics
    /// When the package can't be written: a name or a file that its format has no room for.
    #[must_use]
    pub fn payload(mut self, payload: &Payload) -> Self {
        let file = DebFile::new(&self.name, &self.version, &self.architecture).payload(payload);
        self.content = Some(file.bytes().expect("a package that can be written"));
        self
    }

    /// Where the archive has the file, below its base.
    #[must_use]
    pub fn filename(&self) -> String {
        let Self { name, version, architecture, .. } = self;
        format!("pool/main/l/linux/{name}_{}_{architecture}.deb", version.split_once(':').map_or(&**version, |v| v.1))
    }

    /// The file's bytes, where the archive has it.
    pub(super) fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// Its stanza, with the line end of its last field.
    #[must_use]
    pub fn stanza(&self) -> String {
        let Self { name, version, architecture, .. } = self;
        let file = self.filename();
        let (size, checksum) = match &self.content {
            Some(content) => (content.len(), sha256(content)),
            None => (1000 + name.len(), sha256(file.as_bytes())),
        };
        let defaults = [
            ("Package", name.clone()),
            ("Version", version.clone()),
            ("Architecture", architecture.clone()),
            ("Maintainer", "sqern <sqern@example.test>".to_owned()),
            ("Size", size.to_string()),
            ("SHA256", checksum),
            ("Filename", file),
            ("Description", "a package\n of the fake archive\n .\n and no other".to_owned()),
        ];
        let given = |name: &str| self.fields.iter().any(|(field, _)| field == name);
        let defaults = defaults.iter().filter(|(field, _)| !given(field)).map(|(field, value)| (*field, value));
        let further = self.fields.iter().filter(|(_, value)| !value.is_empty()).map(|(field, value)| (field.as_str(), value));
        defaults.chain(further).map(|(field, value)| [field, ": ", value, "\n"].concat()).collect()
    }
}
