//! Tests against fake archives: on disk, behind a server that fails as told, and as apt's own lists.

mod apt_lists;
mod dependencies;
mod http;
mod indexes;
mod properties;
mod rules;
mod support;
mod trust;
