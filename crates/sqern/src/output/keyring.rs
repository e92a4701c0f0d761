//! The output of `sqern keyring`.

use sqern_core::keyring::{ImportedKeyring, KeyringStatus};

use crate::printer::{Column, Record};

impl Record for KeyringStatus {
    const SCHEMA: &'static str = "keyring.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::status("state"),
        Column::name("keyring"),
        Column::name("keys").optional(),
    ];
}

impl Record for ImportedKeyring {
    const SCHEMA: &'static str = "keyring.import/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::status("change"),
        Column::name("keyring"),
        Column::name("keys").optional(),
    ];
}
