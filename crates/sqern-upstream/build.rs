//! Compiles the crate again if a file is added to `distros/`, which the crate contains.

fn main() {
    println!("cargo::rerun-if-changed=distros");
}
