//! The packages of a fake apt index.

use super::release::sha256;
use crate::package::{DebFile, Payload};

/// A builder for the stanza of a package. Start with [`deb`].
#[derive(Debug, Clone)]
pub struct Deb {
    name: String,
    version: String,
    architecture: String,
    /// Additional fields in order. A field replaces the default of its name, and an empty value
    /// removes it.
    fields: Vec<(String, String)>,
    /// The package file, if the archive contains it.
    content: Option<Vec<u8>>,
}

/// Returns a package with the version 1.0-1 for amd64.
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
    /// Sets the version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Sets the architecture.
    #[must_use]
    pub fn architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// Sets the dependencies.
    #[must_use]
    pub fn depends(self, relations: &str) -> Self {
        self.field("Depends", relations)
    }

    /// Sets a field. An empty value removes the field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the package file with this payload to the archive, at the path, size and checksum that
    /// the stanza states.
    ///
    /// # Panics
    ///
    /// Panics if the archive cannot represent the payload.
    #[must_use]
    pub fn payload(mut self, payload: &Payload) -> Self {
        let file = DebFile::new(&self.name, &self.version, &self.architecture).payload(payload);
        self.content = Some(file.bytes().expect("a package that can be written"));
        self
    }

    /// Returns the path of the package file below the base of the archive.
    #[must_use]
    pub fn filename(&self) -> String {
        let Self {
            name,
            version,
            architecture,
            ..
        } = self;
        format!(
            "pool/main/l/linux/{name}_{}_{architecture}.deb",
            version.split_once(':').map_or(&**version, |v| v.1)
        )
    }

    /// Returns the bytes of the package file, if the archive contains it.
    pub(super) fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// Returns the stanza, including the line end of its last field.
    #[must_use]
    pub fn stanza(&self) -> String {
        let Self {
            name,
            version,
            architecture,
            ..
        } = self;
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
            (
                "Description",
                "a package\n of the fake archive\n .\n and no other".to_owned(),
            ),
        ];
        let given = |name: &str| self.fields.iter().any(|(field, _)| field == name);
        let defaults = defaults
            .iter()
            .filter(|(field, _)| !given(field))
            .map(|(field, value)| (*field, value));
        let further = self
            .fields
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(field, value)| (field.as_str(), value));
        defaults
            .chain(further)
            .map(|(field, value)| [field, ": ", value, "\n"].concat())
            .collect()
    }
}
