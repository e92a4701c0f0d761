//! The output of commands: columns, JSON fields and texts of results.

pub mod archive;
pub mod available;
pub mod change;
pub mod check;
pub mod cust;
pub mod db;
pub mod distro;
pub mod doctor;
pub mod event;
pub mod fetch;
pub mod generation;
pub mod html;
pub mod ignore;
pub mod init;
pub mod json_schemas;
pub mod kver;
pub mod load;
pub mod metadata;
pub mod pipeline;
pub mod private_server;
pub mod read_model;
pub mod reports;
pub mod run;
pub mod source;
pub mod store;
pub mod why;
