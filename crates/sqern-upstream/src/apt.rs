//! Debian-style archives: from the signed `Release` to kernels and what they need.

mod assemble;
mod checksum;
mod crawl;
mod decode;
mod entry;
mod index;
mod listfile;
mod lists;
mod path;
mod read;
mod resolve;
mod top;
mod trust;
mod vet;

pub use crawl::crawl_distro;
pub use lists::crawl_apt_lists;
