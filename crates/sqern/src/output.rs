//! Texts and JSON fields of the results of use cases.

pub mod doctor;
pub mod html;
pub mod init;
pub mod load;
pub mod private_server;
pub mod reports;
pub mod why;
