//! Unpacks valid and hostile packages, adapts trees, and compiles modules in them.

mod formats;
mod hostile;
mod identity;
mod limits;
mod multiple_packages;
mod prove;
mod round_trip;
mod rpm_payload;
mod support;
mod tree;
