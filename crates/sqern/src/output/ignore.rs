//! The output of `sqern ignore`.

use sqern_db::ignore::Ignore;

use crate::printer::{Column, Record};

impl Record for Ignore {
    const SCHEMA: &'static str = "ignore.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("glob"),
        Column::name("pattern").optional(),
        Column::number("matches"),
        Column::text("reason"),
        Column::time("deleted_at").headed("deleted"),
    ];
}
