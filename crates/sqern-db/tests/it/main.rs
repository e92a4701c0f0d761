//! The database's tests: each with a database of its own on a private server.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]

mod catalog;
mod clusters;
mod constraints;
mod crawl;
mod decoding;
mod follow;
mod forgery;
mod generation;
mod history;
mod journal;
mod migrate;
mod migrate_roles;
mod not_ignored;
mod privileges;
mod psql;
mod queries;
mod runs;
mod selection;
mod settings;
mod support;
