//! Tests against fake archives: on disk, behind a server that fails as told, and as apt's own lists.

mod apt_lists;
mod attacks;
mod cache;
mod dependencies;
mod http;
mod identity;
mod indexes;
mod resume;
mod rpm_indexes;
mod rpm_kernels;
mod rpm_support;
mod rpm_trust;
mod rules;
mod support;
mod tls;
mod trust;
