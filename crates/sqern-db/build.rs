//! Compiles the crate again if a file is added to `schema/`, which the crate contains.

fn main() {
    println!("cargo::rerun-if-changed=schema");
}
