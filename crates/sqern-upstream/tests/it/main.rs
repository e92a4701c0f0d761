//! Tests with fake repositories on disk, on faulty servers, and as apt lists.

mod apt_lists;
mod attacks;
mod cache;
mod dependencies;
mod flat;
mod http;
mod identity;
mod indexes;
mod limits;
mod resume;
mod rpm_indexes;
mod rpm_kernels;
mod rpm_support;
mod rpm_trust;
mod rules;
mod support;
mod tls;
mod trust;
