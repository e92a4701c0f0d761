//! Texts and JSON fields for the results of `sqern-core`.

pub mod doctor;
pub mod html;
pub mod init;
pub mod load;
pub mod private_server;
pub mod reports;
pub mod why;
