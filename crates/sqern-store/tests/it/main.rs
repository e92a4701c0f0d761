//! Packages as they should be, as an attacker makes them, and as the distributions' own tools unpack them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]

mod hostile;
mod package;
mod tools;
