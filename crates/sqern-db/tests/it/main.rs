//! Tests of the database. Each test uses a separate database on a private server.

#![allow(clippy::unwrap_used, reason = "a panic reports the failure of a test")]

mod catalog;
mod check_since;
mod clusters;
mod constraints;
mod crawl;
mod decoding;
mod follow;
mod forgery;
mod generation;
mod history;
mod journal;
mod journal_start;
mod migrate;
mod migrate_roles;
mod not_ignored;
mod privileges;
mod psql;
mod queries;
mod read_model;
mod retention;
mod runs;
mod selection;
mod settings;
mod support;
mod times;
